package server

import (
	"errors"
	"net"
	"os"
	"time"

	"github.com/socksctl/socksctl/internal/relay"
)

// maxEarly is how much of what a client sends early is kept for its peer.
const maxEarly = 64 << 10

// watcher reads from a client that has to wait, so that its hanging up is
// noticed and what it sends early is not lost.
type watcher struct {
	conn  net.Conn
	keep  int // how much of what comes is kept; nothing when negative
	early []byte
	done  chan struct{}
}

// watch starts a watcher that calls gone when the client hangs up. Its
// goroutine ends then, or in stop; where the system does not tell of an end behind
// bytes that are not read, also when keep bytes have come. With a negative keep it
// discards what comes, for as long as it takes.
func watch(conn net.Conn, keep int, early []byte, gone func()) *watcher {
	w := &watcher{conn: conn, keep: keep, early: early, done: make(chan struct{})}
	go w.read(gone)
	return w
}

func (w *watcher) read(gone func()) {
	defer close(w.done)
	buf := make([]byte, 512)
	for w.keep < 0 || len(w.early) < w.keep {
		n, err := w.conn.Read(buf)
		if w.keep >= 0 {
			w.early = append(w.early, buf[:n]...)
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		if err != nil {
			gone()
			return
		}
	}
	if relay.AwaitHangUp(w.conn) == nil {
		gone()
	}
}

// stop ends the watcher and returns all that the client sent.
func (w *watcher) stop() []byte {
	_ = w.conn.SetReadDeadline(time.Unix(1, 0)) // fails only on a closed conn, which ends read too
	<-w.done
	_ = w.conn.SetReadDeadline(time.Time{})
	return w.early
}
