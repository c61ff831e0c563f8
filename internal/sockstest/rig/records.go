package rig

import (
	"bytes"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/socksctl/socksctl/server"
)

// records is the Observer of one server.
type records struct {
	mu     sync.Mutex
	open   map[*server.Session]struct{} // admitted, not closed
	closed []*server.Session
}

// Opened implements server.Observer.
func (r *records) Opened(s *server.Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open[s] = struct{}{}
}

// Closed implements server.Observer.
func (r *records) Closed(s *server.Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, s)
	r.closed = append(r.closed, s)
}

func (r *records) errors() (errs []error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.closed {
		errs = append(errs, s.Err())
	}
	return errs
}

// sessions returns those that were admitted and those that were closed.
func (r *records) sessions() []*server.Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(slices.Clone(r.closed), slices.Collect(maps.Keys(r.open))...)
}

// drops adds up the drops of all sessions of all servers.
func (r *rig) drops() map[string]int64 {
	sum := make(map[string]int64)
	for _, rec := range r.all {
		for _, s := range rec.sessions() {
			for reason, n := range s.Dropped() {
				sum[reason] += n
			}
		}
	}
	return sum
}

// live returns how many connections are accepted and not closed, but for those that
// are warm.
func (r *rig) live() int {
	n := int(r.accepted.Load())
	for _, rec := range r.all {
		rec.mu.Lock()
		n -= len(rec.closed)
		rec.mu.Unlock()
	}
	for _, servers := range r.warm {
		for _, status := range servers.Status() {
			n -= status.Warm
		}
	}
	return n
}

// buffer is a log that is written and read at once.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String returns what was logged.
func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *buffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }
