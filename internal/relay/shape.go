package relay

import (
	"context"
	"math"
	"sync"
	"time"
)

// Shaper slows one direction of a tunnel down. Many directions may share one, and
// it may change its mind while they run: that counts from the next time that a
// direction takes bytes.
//
// Bytes that may not pass yet stay with the system where they can. A direction
// that reads from a plain socket takes no more than may pass, and waits without
// a pipe and without a buffer. One that reads TLS, or a conn without a
// descriptor, has what it has read in a buffer while it waits.
type Shaper interface {
	// Most returns how many bytes are to pass at once. 0 is no limit: Wait is
	// not called then.
	Most() int
	// Wait returns nil once n bytes may pass, where n is at most what Most
	// returned before, and ctx's error if ctx ends first.
	Wait(ctx context.Context, n int) error
}

// unshaped is how many bytes may pass at once where there is no limit.
const unshaped = math.MaxInt

// most returns how many bytes may pass at once, and whether they have to wait
// for their turn.
func (f *flow) most() (n int, limited bool) {
	if f.shaper == nil {
		return unshaped, false
	}
	if n = f.shaper.Most(); n > 0 {
		return n, true
	}
	return unshaped, false
}

// mayTake waits until bytes are there and may pass, and returns how many to take
// at most. They stay on the socket until then. Where there is no limit it does
// not wait.
func (f *flow) mayTake(src source) (int, error) {
	most, limited := f.most()
	if !limited {
		return unshaped, nil
	}
	if f.granted > 0 {
		return f.granted, nil
	}
	n, err := src.await(most)
	if err != nil {
		return 0, err
	}
	if n == 0 {
		return 1, nil // the read will tell of the end, and that is for free
	}
	err = f.wait(n)
	f.granted = n
	return n, err
}

// took takes n bytes off what is granted.
func (f *flow) took(n int) { f.granted = max(0, f.granted-n) }

// writeInTurn gives b to dst, a part at a time as those may pass, and reports
// whether dst took all of it.
func (f *flow) writeInTurn(b []byte) bool {
	for len(b) > 0 {
		most, limited := f.most()
		n := min(most, len(b))
		if limited && f.wait(n) != nil || !f.write(b[:n]) {
			return false
		}
		b = b[n:]
	}
	return true
}

// wait waits until n bytes may pass. That fails only when the tunnel ends.
func (f *flow) wait(n int) error {
	f.idle.hold()
	defer f.idle.release()
	err := f.shaper.Wait(f.waits.context(), n)
	if err != nil && f.fail(err) { // what ends the waits has failed before: it is the shaper
		f.abort(err)
	}
	return err
}

// waits is what ends the waits of a run. The zero value is for a run without
// any. Most runs with a limit never wait, so that the context is made by the first
// that does.
type waits struct {
	limited bool
	timer   *time.Timer

	mu     sync.Mutex
	ctx    context.Context // nil at first
	cancel context.CancelFunc
	ended  bool
}

// context returns the context of a wait.
func (w *waits) context() context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx == nil {
		w.ctx, w.cancel = context.WithCancel(context.Background())
		if w.ended {
			w.cancel()
		}
	}
	return w.ctx
}

// end ends the waits under way and those to come.
func (w *waits) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	if w.cancel != nil {
		w.cancel()
	}
}

// endAfter ends them after d. It is called by the first failure only. What is
// received by then and may not pass within d is lost: a limit is not lifted
// because a connection fails.
func (w *waits) endAfter(d time.Duration) {
	if w.limited {
		w.timer = time.AfterFunc(d, w.end)
	}
}

// stop ends the waits when both directions have ended.
func (w *waits) stop() {
	w.end()
	if w.timer != nil {
		w.timer.Stop()
	}
}
