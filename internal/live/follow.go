package live

import (
	"context"
	"time"

	"github.com/socksctl/socksctl/server"
)

// queueSize is how many events wait for one Follower.
const queueSize = 1024

// Kind is what an [Event] tells.
type Kind string

// The kinds of events.
const (
	Running Kind = "running" // it ran already when the Follower came
	Opened  Kind = "opened"  // it was admitted
	Closed  Kind = "closed"  // it ran, and is over
	Refused Kind = "refused" // it was never admitted, and is over
	Lost    Kind = "lost"    // the Follower was too slow for some events
)

// Event is something that happened to a session.
type Event struct {
	Kind    Kind
	Time    time.Time
	Session *server.Session // nil for Lost
	Lost    int64           // how many events, for Lost
}

// Follower is told of what happens to sessions. Next is for one goroutine.
type Follower struct {
	table   *Table
	filter  Filter
	running []Session
	queue   chan queued
	held    *Event // comes after what was lost before it
	lost    int64  // since the last event that found room; Table.mu guards it
}

// queued is an event, and how many before it found no room.
type queued struct {
	Event
	lost int64
}

// Follow returns a Follower of the sessions that f lets through: first it tells of
// those that run, in the order of f, then of whatever happens, and misses nothing
// between. Its Close is to be called.
func (t *Table) Follow(f Filter) *Follower {
	w := &Follower{table: t, filter: f, queue: make(chan queued, queueSize)}
	t.mu.Lock()
	all := t.appendTo(nil)
	t.followers[w] = struct{}{}
	t.mu.Unlock()
	w.running = f.arrange(f.among(all))
	return w
}

// Close ends the following. Nobody is to wait in Next.
func (w *Follower) Close() {
	w.table.mu.Lock()
	defer w.table.mu.Unlock()
	delete(w.table.followers, w)
}

// Next waits for the next event, until ctx ends: then it returns ctx's error.
func (w *Follower) Next(ctx context.Context) (Event, error) {
	if len(w.running) > 0 {
		s := w.running[0].Session
		w.running = w.running[1:]
		return Event{Kind: Running, Time: time.Now(), Session: s}, nil
	}
	if held := w.held; held != nil {
		w.held = nil
		return *held, nil
	}
	select {
	case q := <-w.queue:
		return w.after(q), nil
	default:
	}
	if n := w.takeLost(); n > 0 { // and nothing came since
		return Event{Kind: Lost, Time: time.Now(), Lost: n}, nil
	}
	select {
	case q := <-w.queue:
		return w.after(q), nil
	case <-ctx.Done():
		return Event{}, ctx.Err()
	}
}

// after returns q, or what was lost before it.
func (w *Follower) after(q queued) Event {
	if q.lost == 0 {
		return q.Event
	}
	w.held = &q.Event
	return Event{Kind: Lost, Time: time.Now(), Lost: q.lost}
}

func (w *Follower) takeLost() int64 {
	w.table.mu.Lock()
	defer w.table.mu.Unlock()
	n := w.lost
	w.lost = 0
	return n
}

// tell has the followers know of s. It waits for none of them. t.mu is held.
func (t *Table) tell(kind Kind, s *server.Session) {
	for w := range t.followers {
		if w.filter.match(s) {
			w.offer(Event{Kind: kind, Time: time.Now(), Session: s})
		}
	}
}

func (w *Follower) offer(e Event) {
	select {
	case w.queue <- queued{e, w.lost}:
		w.lost = 0
	default:
		w.lost++
	}
}
