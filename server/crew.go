package server

import (
	"crypto/tls"
	"sync"
	"sync/atomic"
)

// resting is how many goroutines of a crew wait for a connection at most.
const resting = 8

// crew is goroutines that take connections of one listener from one point to
// another. A stack begins with 2 KiB and is copied each time that it grows: to the
// 64 KiB of a TLS handshake that costs a fiftieth of the handshake itself, and of
// a plain CONNECT the same. So some that are done wait for the next connection,
// whose stack they have.
type crew struct {
	run     func(*conn)
	running *sync.WaitGroup
	next    chan *conn    // to one that rests
	over    chan struct{} // closed when none is to rest any more
	idle    atomic.Int32
}

// crews returns the goroutines that own connections of a listener from accept on,
// and how to end them. A TLS handshake makes a stack large, and what follows may
// wait for long: others go on from there.
func (s *Server) crews(config *tls.Config) (owners *crew, dismiss func()) {
	if config == nil {
		owners = s.crew((*conn).ownPlain)
		return owners, owners.dismiss
	}
	servers := s.crew((*conn).serve)
	owners = s.crew(func(c *conn) { c.ownTLS(config, servers) })
	return owners, func() {
		owners.dismiss()
		servers.dismiss()
	}
}

func (s *Server) crew(run func(*conn)) *crew {
	return &crew{run: run, running: &s.running, next: make(chan *conn), over: make(chan struct{})}
}

// take has c run: by a goroutine that rests, or else by a new one, which ends with
// that when enough others rest, and with the crew.
func (w *crew) take(c *conn) {
	select {
	case w.next <- c:
	default:
		w.running.Go(func() { w.work(c) })
	}
}

func (w *crew) work(c *conn) {
	for c != nil {
		w.run(c)
		c = w.rest()
	}
}

// rest returns the next connection, and nil when there is none to wait for.
func (w *crew) rest() *conn {
	defer w.idle.Add(-1)
	if w.idle.Add(1) > resting {
		return nil
	}
	select {
	case c := <-w.next:
		return c
	case <-w.over:
		return nil
	}
}

// dismiss ends those that rest, and others as soon as they would.
func (w *crew) dismiss() { close(w.over) }
