package metrics

import (
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/server"
)

// live is the sessions that run, and what those before them moved. A session is
// in one of the two: it changes over under the lock by which a scrape finds both, when
// its counters are final. So what it moved is neither counted twice nor, for a
// moment, not at all, and a sum never goes backwards.
type live struct {
	active, bytes, datagrams, dropped, waiting *prometheus.Desc

	mu       sync.Mutex
	sessions map[*server.Session]struct{}
	past     traffic
	at       map[string]*[none]int64 // how many run, by listener and command
}

func newLive(listeners []string) *live {
	l := &live{
		active:    describe("sessions_active", "Admitted sessions that run.", "command", "listener"),
		bytes:     describe("bytes_total", "Payload that sessions have moved, those that run included; up is from clients.", "direction", "command"),
		datagrams: describe("udp_datagrams_total", "Datagrams that associations have moved, those that run included; up is from clients.", "direction"),
		dropped:   describe("udp_dropped_total", "Datagrams that associations have dropped, those that run included.", "reason"),
		waiting:   describe("bind_waiting", "Sessions that wait for the peer of a BIND to connect."),
		sessions:  make(map[*server.Session]struct{}),
		at:        make(map[string]*[none]int64),
	}
	for _, listener := range listeners {
		l.at[listener] = new([none]int64)
	}
	return l
}

// enter begins to count what s moves.
func (l *live) enter(s *server.Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sessions[s] = struct{}{}
	if l.at[s.Listener] == nil {
		l.at[s.Listener] = new([none]int64)
	}
	l.at[s.Listener][commandOf(s)]++
}

// leave adds what s has moved to the past, and tells whether s was there.
func (l *live) leave(s *server.Session) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.sessions[s]; !ok {
		return false
	}
	delete(l.sessions, s)
	l.at[s.Listener][commandOf(s)]--
	l.past.add(s)
	return true
}

// moment is the state at one time.
type moment struct {
	traffic
	waiting int
	at      map[string][none]int64
}

// now returns the state. Sessions that begin and end wait until it is known which they
// are, and not while they are looked at: one that ends meanwhile counts as it ended.
func (l *live) now() moment {
	m, running := l.find()
	for _, s := range running {
		m.add(s)
		if s.Stage() == server.StagePeer {
			m.waiting++
		}
	}
	return m
}

// find returns what is known without a look at sessions, and those that run.
func (l *live) find() (m moment, running []*server.Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m = moment{traffic: l.past, at: make(map[string][none]int64, len(l.at))}
	for listener, n := range l.at {
		m.at[listener] = *n
	}
	return m, slices.AppendSeq(make([]*server.Session, 0, len(l.sessions)), maps.Keys(l.sessions))
}

// Describe implements prometheus.Collector.
func (l *live) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{l.active, l.bytes, l.datagrams, l.dropped, l.waiting} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (l *live) Collect(ch chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, v int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	m := l.now()
	for c := range none {
		count(l.bytes, m.up[c], "up", c.String())
		count(l.bytes, m.down[c], "down", c.String())
		for listener, n := range m.at {
			ch <- prometheus.MustNewConstMetric(l.active, prometheus.GaugeValue, float64(n[c]), c.String(), label(listener))
		}
	}
	count(l.datagrams, m.datagramsUp, "up")
	count(l.datagrams, m.datagramsDown, "down")
	for d := range carrier.NumDrops {
		count(l.dropped, m.drops[d], d.String())
	}
	ch <- prometheus.MustNewConstMetric(l.waiting, prometheus.GaugeValue, float64(m.waiting))
}
