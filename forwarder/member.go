package forwarder

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/human"
)

const (
	firstBackOff = time.Second // that a server is set aside for at first
	mostBackOff  = time.Minute // and after many failures
	smoothing    = 4           // a measurement counts for a quarter of the latency
)

// member is one of the servers, and what is known of it. Servers.mu guards what
// is not fixed.
type member struct {
	dialer   *client.Dialer
	url      string
	due      chan struct{} // has a value when the time of the next check has changed
	sessions atomic.Int64

	priority, weight int
	credit           int            // of turns that it has not had, for RoundRobin
	failures         int            // in a row; with any it is set aside
	failed           time.Time      // when that was last
	until            time.Time      // for how long
	err              error          // the last failure
	causes           []client.Cause // of the failures in a row, each logged once
	latency          time.Duration  // smoothed; 0 while unknown
}

// fails sets m aside. Failures of connections that were under way together count
// as one. The log has a line for each cause.
func (s *Servers) fails(m *member, err error) {
	m.dialer.DropWarm()
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if m.failures > 0 && now.Before(m.until) {
		m.failed = now
		return
	}
	if d := client.Diagnose(err); !slices.Contains(m.causes, d.Cause) {
		s.log().Warn("server is down", "server", m.url, "err", human.Visible(d.Why), "cause", string(d.Cause), "hint", human.Visible(d.Next))
		m.causes = append(m.causes, d.Cause)
	}
	m.failures++
	m.failed, m.err = now, err
	m.until = now.Add(jittered(min(firstBackOff<<min(m.failures-1, 10), mostBackOff)))
	select {
	case m.due <- struct{}{}:
	default:
	}
}

// works takes m back, for an attempt that began then. What was under way when m
// failed says nothing of how it is now.
func (s *Servers) works(m *member, began time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.failures == 0 || began.Before(m.failed) {
		return
	}
	m.failures, m.causes = 0, nil
	s.log().Info("server is up again", "server", m.url)
}

// measured takes a measurement into the latency of m. One that was down begins
// anew.
func (s *Servers) measured(m *member, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.latency == 0 || m.failures > 0 {
		m.latency = took
		return
	}
	m.latency += (took - m.latency) / smoothing
}

// jittered returns d give or take a quarter, so that many forwarders do not ask
// one server at the same time.
func jittered(d time.Duration) time.Duration {
	return d*3/4 + rand.N(d/2+1)
}
