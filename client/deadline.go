package client

import (
	"sync"
	"time"
)

// deadline is a time that can be moved while others wait for it. The zero
// deadline never comes.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	wait  *wait // of the time that is set; nil until one is
}

// wait is for one time: come is closed when it comes, moved when another time
// takes its place.
type wait struct{ come, moved chan struct{} }

// set makes t the deadline; the zero Time is none.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	next := newWait()
	switch left := time.Until(t); {
	case t.IsZero():
	case left <= 0:
		close(next.come)
	default:
		d.timer = time.AfterFunc(left, func() { close(next.come) })
	}
	if d.wait != nil {
		close(d.wait.moved)
	}
	d.wait = next
}

func newWait() *wait { return &wait{make(chan struct{}), make(chan struct{})} }

// current returns the channels of the time that is set.
func (d *deadline) current() *wait {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.wait == nil {
		d.wait = newWait()
	}
	return d.wait
}

// over tells whether the time has come.
func (d *deadline) over() bool {
	select {
	case <-d.current().come:
		return true
	default:
		return false
	}
}
