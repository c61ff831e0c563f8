// Package live is the table of the sessions that run, and tells what happens to
// them as it happens.
package live

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/socksctl/socksctl/server"
)

// Table is the sessions that run, and an Observer that keeps them. It costs
// something when a session begins and when it ends, and nothing between.
type Table struct {
	mu        sync.Mutex
	sessions  map[uint64]*entry
	followers map[*Follower]struct{}
	ended     traffic // of sessions that run no more
	refused   map[server.EndReason]int64
	samples   samples
}

// entry is a session in the table.
type entry struct {
	*server.Session
	last             traffic      // at the last sample, for who takes them
	rateUp, rateDown atomic.Int64 // bytes a second, by the last two
}

// traffic is bytes both ways.
type traffic struct{ up, down int64 }

func trafficOf(s *server.Session) traffic { return traffic{s.BytesUp.Load(), s.BytesDown.Load()} }

func (t *traffic) add(more traffic) {
	t.up += more.up
	t.down += more.down
}

// perSecond returns what is between t and before, in that time.
func (t traffic) perSecond(before traffic, took time.Duration) traffic {
	seconds := took.Seconds()
	return traffic{int64(float64(t.up-before.up) / seconds), int64(float64(t.down-before.down) / seconds)}
}

var _ server.Observer = (*Table)(nil)

// NewTable returns an empty table. Rates need its Run.
func NewTable() *Table {
	return &Table{sessions: make(map[uint64]*entry), followers: make(map[*Follower]struct{}), refused: make(map[server.EndReason]int64)}
}

// Opened is for a [server.Server].
func (t *Table) Opened(s *server.Session) {
	e := &entry{Session: s}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sessions[s.ID] = e
	t.tell(Opened, s)
}

// Closed is for a [server.Server].
func (t *Table) Closed(s *server.Session) {
	moved, refused, reason := trafficOf(s), s.Refused(), s.EndReason()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended.add(moved)
	ran := t.sessions[s.ID] != nil
	delete(t.sessions, s.ID)
	if refused {
		t.refused[reason]++
	}
	switch {
	case ran:
		t.tell(Closed, s)
	case refused:
		t.tell(Refused, s)
	}
}

// Refusals returns how many sessions were refused so far, by reason.
func (t *Table) Refusals() map[server.EndReason]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.refused)
}

// Session is one that runs, at some moment.
type Session struct {
	*server.Session
	Up, Down         int64 // bytes so far
	RateUp, RateDown int64 // bytes a second, of late
}

// List returns the sessions that f lets through, in its order, and how many they
// are without its limit.
func (t *Table) List(f Filter) (sessions []Session, total int) {
	sessions = f.among(t.all())
	return f.arrange(sessions), len(sessions)
}

// Get returns the session with that id, if it runs.
func (t *Table) Get(id uint64) (Session, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.sessions[id]; e != nil {
		return e.now(), true
	}
	return Session{}, false
}

// all returns what is in the table. There may be thousands, which sessions that begin
// and end do not wait for: to look at them needs no lock.
func (t *Table) all() []*entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.appendTo(nil)
}

// appendTo appends what is in the table. t.mu is held.
func (t *Table) appendTo(all []*entry) []*entry {
	all = slices.Grow(all, len(t.sessions))
	for _, e := range t.sessions {
		all = append(all, e)
	}
	return all
}

// among returns the sessions of all that f lets through.
func (f Filter) among(all []*entry) []Session {
	found := make([]Session, 0, len(all))
	for _, e := range all {
		if f.match(e.Session) {
			found = append(found, e.now())
		}
	}
	return found
}

func (e *entry) now() Session {
	current := trafficOf(e.Session)
	return Session{Session: e.Session, Up: current.up, Down: current.down, RateUp: e.rateUp.Load(), RateDown: e.rateDown.Load()}
}

// End ends the sessions that f lets through, for that reason, and returns their
// ids in ascending order. It does not wait, and knows of no limit.
func (t *Table) End(f Filter, reason error) []uint64 {
	found := f.among(t.all())
	ids := make([]uint64, 0, len(found))
	for _, s := range found {
		s.End(reason)
		ids = append(ids, s.ID)
	}
	slices.Sort(ids)
	return ids
}

// Run takes samples until ctx ends, and returns nil.
func (t *Table) Run(ctx context.Context) error {
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	sampler := sampler{table: t}
	for {
		sampler.sample(time.Now())
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}
