package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

// family is a metric that others know the values of.
type family struct {
	desc   *prometheus.Desc
	kind   prometheus.ValueType
	values func(emit func(v float64, labels ...string))
}

// asked is the families that others are asked about at each scrape.
type asked []family

// askedOf returns what there is to ask for by c.
func askedOf(c Config) asked {
	a := asked{
		{describe("auth_attempts_total", "Logins that came to a verdict.", "method", "result"), prometheus.CounterValue, c.logins},
		{describe("acl_decisions_total", "What the rules said about requests, addresses dialled and peers of BIND.", "action"), prometheus.CounterValue, c.decisions},
	}
	if c.CertificateExpiry != nil {
		a = append(a, family{describe("tls_certificate_expiry_timestamp_seconds", "When the certificate ends that TLS shows others."), prometheus.GaugeValue, c.expiry})
	}
	if c.Upstreams != nil {
		a = append(a,
			family{describe("upstream_up", "1 for a server that the forwarder can use.", "server"), prometheus.GaugeValue, c.up},
			family{describe("upstream_latency_seconds", "How long it takes to reach a server, TLS included, smoothed.", "server"), prometheus.GaugeValue, c.latency},
			family{describe("upstream_warm", "Connections to a server that wait for a request.", "server"), prometheus.GaugeValue, c.warm})
	}
	if c.HistoryDropped != nil {
		a = append(a, family{describe("history_queue_dropped_total", "Records that were lost because the store was behind."), prometheus.CounterValue,
			func(emit func(float64, ...string)) { emit(float64(c.HistoryDropped())) }})
	}
	return a
}

func (c Config) logins(emit func(float64, ...string)) {
	count := make(map[attempt]int64)
	for _, a := range attempts() {
		count[a] = 0
	}
	for result, n := range c.Server.Logins() {
		count[attemptOf(result)] += n
	}
	for a, n := range count {
		emit(float64(n), a.method, a.result)
	}
}

func (c Config) decisions(emit func(float64, ...string)) {
	allowed, denied := c.Server.Decisions()
	emit(float64(allowed), "allow")
	emit(float64(denied), "block")
}

func (c Config) expiry(emit func(float64, ...string)) {
	if end := c.CertificateExpiry(); !end.IsZero() {
		emit(float64(end.Unix()))
	}
}

func (c Config) up(emit func(float64, ...string)) {
	for server, upstream := range c.upstreams() {
		up := 0.0
		if upstream.Up {
			up = 1
		}
		emit(up, server)
	}
}

func (c Config) latency(emit func(float64, ...string)) {
	for server, upstream := range c.upstreams() {
		if upstream.Latency > 0 {
			emit(upstream.Latency.Seconds(), server)
		}
	}
}

func (c Config) warm(emit func(float64, ...string)) {
	for server, upstream := range c.upstreams() {
		emit(float64(upstream.Warm), server)
	}
}

// upstreams returns them by their label. Of two that are called the same, the one
// that is up counts.
func (c Config) upstreams() map[string]Upstream {
	byName := make(map[string]Upstream)
	for _, u := range c.Upstreams() {
		if name := label(u.Server); !byName[name].Up {
			byName[name] = u
		}
	}
	return byName
}

// Describe implements prometheus.Collector.
func (a asked) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range a {
		ch <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (a asked) Collect(ch chan<- prometheus.Metric) {
	for _, f := range a {
		f.values(func(v float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(f.desc, f.kind, v, labels...)
		})
	}
}
