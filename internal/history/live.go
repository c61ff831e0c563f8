package history

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/socksctl/socksctl/server"
)

// Live is the table of the sessions that run, and an Observer that keeps it. It
// costs something when a session begins and when it ends, and nothing between.
type Live struct {
	mu        sync.Mutex
	sessions  map[uint64]*entry
	followers map[*Follower]struct{}
	ended     traffic // of sessions that run no more
	samples   samples
}

// entry is a session in the table. Live.mu guards it.
type entry struct {
	*server.Session
	last traffic // at the last sample
	rate traffic // bytes a second, by the last two
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

var _ server.Observer = (*Live)(nil)

// NewLive returns an empty table. Rates need its Run.
func NewLive() *Live {
	return &Live{sessions: make(map[uint64]*entry), followers: make(map[*Follower]struct{})}
}

// Opened is for a [server.Server].
func (l *Live) Opened(s *server.Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sessions[s.ID] = &entry{Session: s}
	l.tell(Opened, s)
}

// Closed is for a [server.Server].
func (l *Live) Closed(s *server.Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended.add(trafficOf(s))
	ran := l.sessions[s.ID] != nil
	delete(l.sessions, s.ID)
	switch {
	case ran:
		l.tell(Closed, s)
	case s.Refused():
		l.tell(Refused, s)
	}
}

// List returns the sessions that f lets through, in its order, and how many they
// are without its limit.
func (l *Live) List(f Filter) (records []Record, total int) {
	l.mu.Lock()
	found := l.matching(f)
	l.mu.Unlock()
	return f.arrange(recordsOf(found)), len(found)
}

// matching returns the entries that f lets through. l.mu is held.
func (l *Live) matching(f Filter) []entry {
	if f.ID != 0 {
		if e := l.sessions[f.ID]; e != nil && f.match(e.Session) {
			return []entry{*e}
		}
		return nil
	}
	found := make([]entry, 0, len(l.sessions))
	for _, e := range l.sessions {
		if f.match(e.Session) {
			found = append(found, *e)
		}
	}
	return found
}

func recordsOf(entries []entry) []Record {
	records := make([]Record, 0, len(entries))
	for _, e := range entries {
		records = append(records, e.record())
	}
	return records
}

func (e *entry) record() Record {
	r := RecordOf(e.Session)
	r.RateUp, r.RateDown = e.rate.up, e.rate.down
	return r
}

// Get returns the session with that id, if it runs, with its targets.
func (l *Live) Get(id uint64) (Record, bool) {
	l.mu.Lock()
	found := l.matching(Filter{ID: id})
	l.mu.Unlock()
	if len(found) != 1 || id == 0 {
		return Record{}, false
	}
	r := found[0].record()
	r.Targets = TargetsOf(found[0].Session)
	return r, true
}

// End ends the sessions that f lets through, for that reason, and returns their
// ids in ascending order. It does not wait, and knows of no limit.
func (l *Live) End(f Filter, reason error) []uint64 {
	l.mu.Lock()
	found := l.matching(f)
	l.mu.Unlock()
	ids := make([]uint64, 0, len(found))
	for _, e := range found {
		e.Session.End(reason)
		ids = append(ids, e.ID)
	}
	slices.Sort(ids)
	return ids
}

// Run takes samples until ctx ends, and returns nil.
func (l *Live) Run(ctx context.Context) error {
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	for {
		l.sample(time.Now())
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}
