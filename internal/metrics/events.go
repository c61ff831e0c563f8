package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/socksctl/socksctl/server"
)

// events is what is counted when it happens.
type events struct {
	sessions   *prometheus.CounterVec
	lasted     prometheus.Histogram
	stages     *prometheus.HistogramVec
	dialErrors *prometheus.CounterVec
	tlsErrors  *prometheus.CounterVec
	reloaded   prometheus.Gauge // when all was taken up
	whole      prometheus.Gauge // whether all was, at last
}

func newEvents() *events {
	e := &events{
		sessions: counters("sessions_total", "Connections that have ended, admitted or not.", "command", "result"),
		lasted: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "session_duration_seconds", Help: "How long admitted sessions lasted, once they have ended.",
			Buckets: []float64{0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600},
		}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "handshake_duration_seconds", Help: "How long the stages of a handshake took that were passed.",
			Buckets: []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10},
		}, []string{"stage"}),
		dialErrors: counters("dial_errors_total", "Allowed requests that could not be carried out, by the reply.", "reply"),
		tlsErrors:  counters("tls_handshake_errors_total", "TLS handshakes of clients that failed.", "reason"),
		reloaded: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Name: "config_last_reload_success_timestamp_seconds",
			Help: "When the service started, or last took up everything that had changed.",
		}),
		whole: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Name: "config_last_reload_successful",
			Help: "1, or 0 while something that files say could not be taken up.",
		}),
	}
	e.begin()
	return e
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

// begin makes the series that there will be: a rate needs a zero to begin with.
func (e *events) begin() {
	for c := range numCommands {
		for _, result := range results() {
			e.sessions.WithLabelValues(c.String(), string(result))
		}
	}
	for stage := server.StageAccept; stage <= server.StageRelay; stage++ {
		if isHandshake(stage) {
			e.stages.WithLabelValues(stage.String())
		}
	}
	for code := byte(1); code <= 8; code++ {
		e.dialErrors.WithLabelValues(replyOf(code))
	}
	for _, reason := range tlsReasons() {
		e.tlsErrors.WithLabelValues(reason)
	}
}

// isHandshake tells of the stages in which a client waits for this server, or the
// other way around. A request may be held back on purpose, by a connection that
// is warm, and so may the peer of a BIND.
func isHandshake(stage server.Stage) bool {
	switch stage {
	case server.StageTLS, server.StageGreeting, server.StageLogin, server.StageDial:
		return true
	}
	return false
}

// passed counts the time that a stage took.
func (e *events) passed(stage server.Stage, took time.Duration) {
	if isHandshake(stage) {
		e.stages.WithLabelValues(stage.String()).Observe(took.Seconds())
	}
}

// ended counts the end of a session, and what it failed in.
func (e *events) ended(s *server.Session, admitted bool) {
	reason := s.EndReason()
	e.sessions.WithLabelValues(commandOf(s).String(), string(reason)).Inc()
	if admitted {
		e.lasted.Observe(s.Closed().Sub(s.Start).Seconds())
	}
	switch {
	case reason == server.EndTLS:
		e.tlsErrors.WithLabelValues(tlsReasonOf(s.Err())).Inc()
	case reason == server.EndFailed && s.Stage() == server.StageDial:
		e.dialErrors.WithLabelValues(replyOf(s.Refusal())).Inc()
	}
}

// all returns what is collected.
func (e *events) all() []prometheus.Collector {
	return []prometheus.Collector{e.sessions, e.lasted, e.stages, e.dialErrors, e.tlsErrors, e.reloaded, e.whole}
}

// Describe implements prometheus.Collector.
func (e *events) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range e.all() {
		c.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (e *events) Collect(ch chan<- prometheus.Metric) {
	for _, c := range e.all() {
		c.Collect(ch)
	}
}
