package client

import (
	"errors"
	"math/rand/v2"
	"os"
	"time"
)

// deaf is how long what is sent on a connection that was warm may stay without
// an acknowledgement, until the proxy has answered: the way to the proxy may be
// gone, and a request should not wait for that to be found out.
const deaf = 3 * time.Second

// warmed is a session that waits for a request.
type warmed struct {
	s     *session
	since time.Time // by the clock on the wall: the other stands still while the host sleeps
	taken bool      // from the pool, for a request; pool.mu guards it
	alive bool      // the proxy neither ended it nor said anything; set before over is closed
	over  chan struct{}
}

// wait returns once the proxy ends w or speaks, and by the read deadline: that of
// its age, or one that lies in the past because it was taken or dropped. It reads
// TLS and not the socket, for tickets and keys may come that crypto/tls wants.
func (w *warmed) wait() {
	var one [1]byte
	n, err := w.s.conn.Read(one[:])
	w.alive = n == 0 && errors.Is(err, os.ErrDeadlineExceeded)
	close(w.over)
}

// wake makes wait return.
func (w *warmed) wake() { _ = w.s.conn.SetReadDeadline(time.Unix(1, 0)) } // fails only on a closed conn, which ends it too

// claim returns the session if it can be used, after wake.
func (w *warmed) claim(life time.Duration) *session {
	w.wake()
	<-w.over
	if !w.alive || time.Since(w.since) > life || w.s.conn.SetReadDeadline(time.Time{}) != nil {
		_ = w.s.raw.Close() // dead or deserted: there is nobody to say goodbye to
		return nil
	}
	return w.s
}

// age returns how long a connection is kept, somewhat less than life, so that
// those which were made together do not end together.
func age(life time.Duration) time.Duration { return life - rand.N(life/4+1) }
