package admin

import (
	"errors"
	"io"
	"runtime"
	"runtime/pprof"
	"sync"
)

var errSampling = errors.New("someone else takes samples of the same")

// contention samples where goroutines wait for locks. The runtime notes that only
// while it is asked to, and keeps what it noted before: a second sample has the
// first in it.
type contention struct {
	busy sync.Mutex // from start to stop
	out  io.Writer
}

func (c *contention) start(w io.Writer) error {
	if !c.busy.TryLock() {
		return errSampling
	}
	c.out = w
	runtime.SetMutexProfileFraction(1)
	return nil
}

func (c *contention) stop() {
	defer c.busy.Unlock()
	runtime.SetMutexProfileFraction(0)
	_ = pprof.Lookup("mutex").WriteTo(c.out, 0) // a client that has gone has no use for it
}
