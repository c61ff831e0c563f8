// Package metrics tells Prometheus what a service does: docs/metrics.md has each
// metric. Labels come from closed sets and from the configuration; nothing that a
// client sends is ever one, so that no client decides how many series there are.
package metrics

import (
	"runtime"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"

	"github.com/socksctl/socksctl/server"
)

// namespace begins every name.
const namespace = "socksctl"

// Config is what a Metrics is about. Its functions are called at every scrape,
// from any goroutine; one that is nil has no metric.
type Config struct {
	Server    *server.Server // counts logins and decisions
	Listeners []string       // as Session.Listener has them, for a zero before the first session
	Version   string
	Revision  string

	CertificateExpiry func() time.Time  // of what TLS shows others; the zero Time is none
	Upstreams         func() []Upstream // of a forwarder
	HistoryDropped    func() int64      // records that were lost because the store was behind
}

// Upstream is a server that a forwarder goes through.
type Upstream struct {
	Server  string // host:port, as configured
	Up      bool
	Latency time.Duration // to reach it, TLS included, smoothed; 0 is unknown
	Warm    int           // connections that wait for a request
}

// Metrics is a server.Observer that counts, and a prometheus.Gatherer that tells.
// Its registry is its own.
type Metrics struct {
	events   *events
	live     *live
	registry *prometheus.Registry
}

var (
	_ server.StageObserver = (*Metrics)(nil)
	_ prometheus.Gatherer  = (*Metrics)(nil)
)

// New returns the metrics of a service that has just read its configuration. The
// caller makes them an Observer of c.Server.
func New(c Config) *Metrics {
	m := &Metrics{events: newEvents(), live: newLive(c.Listeners), registry: prometheus.NewRegistry()}
	m.Reloaded(time.Now(), true)
	m.registry.MustRegister(
		m.events, m.live, askedOf(c), buildInfo(c),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// Gather implements prometheus.Gatherer.
func (m *Metrics) Gather() ([]*dto.MetricFamily, error) { return m.registry.Gather() }

// Opened implements server.Observer.
func (m *Metrics) Opened(s *server.Session) { m.live.enter(s) }

// Passed implements server.StageObserver.
func (m *Metrics) Passed(_ *server.Session, stage server.Stage, took time.Duration) {
	m.events.passed(stage, took)
}

// Closed implements server.Observer.
func (m *Metrics) Closed(s *server.Session) {
	admitted := m.live.leave(s)
	m.events.ended(s, admitted)
}

// Reloaded notes that the files of the service were read again, and whether all
// that they say is in force.
func (m *Metrics) Reloaded(at time.Time, whole bool) {
	if !whole {
		m.events.whole.Set(0)
		return
	}
	m.events.whole.Set(1)
	m.events.reloaded.Set(float64(at.UnixMilli()) / 1000)
}

// buildInfo is a constant whose labels tell what runs.
func buildInfo(c Config) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "1, with what runs as labels.",
		ConstLabels: prometheus.Labels{"version": c.Version, "revision": c.Revision, "goversion": runtime.Version()},
	})
	g.Set(1)
	return g
}

// describe returns what a metric is that is made at each scrape.
func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(namespace+"_"+name, help, labels, nil)
}

// label returns a name of the configuration as Prometheus takes it.
func label(name string) string { return strings.ToValidUTF8(name, "\uFFFD") }
