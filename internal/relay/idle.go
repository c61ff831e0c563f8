package relay

import (
	"sync"
	"sync/atomic"
	"time"
)

// Idle is an idle timeout: one timer for both directions, which looks at the
// time of the last traffic when it fires. So traffic costs a look at the clock,
// and no system call. Touch may be called from any goroutine once Start has
// returned.
type Idle struct {
	After   time.Duration // 0 is for ever
	Active  *atomic.Int64 // is set to the time of the last traffic, in nanoseconds since 1970; may be nil
	expired func()
	begun   time.Time
	last    atomic.Int64 // of the last traffic, from begun
	held    atomic.Int32 // waits under way that count as traffic

	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
}

// Start makes expired be called once there was no traffic for i.After, until Stop.
func (i *Idle) Start(expired func()) {
	if i.After <= 0 {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.begun, i.expired = time.Now(), expired
	i.timer = time.AfterFunc(i.After, i.fire)
}

func (i *Idle) fire() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.stopped {
		return
	}
	if i.held.Load() > 0 {
		i.Touch()
	}
	if left := i.After - time.Since(i.begun) + time.Duration(i.last.Load()); left > 0 {
		i.timer.Reset(left)
		return
	}
	i.stopped = true
	i.expired()
}

// Stop ends what Start began, and waits for a call of expired under way.
func (i *Idle) Stop() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.stopped = true
	if i.timer != nil {
		i.timer.Stop()
	}
}

// Touch notes that there is traffic.
func (i *Idle) Touch() {
	if i.After > 0 || i.Active != nil {
		i.TouchAt(time.Now())
	}
}

// TouchAt is Touch for a caller that has looked at the clock already.
func (i *Idle) TouchAt(now time.Time) {
	if i.After > 0 {
		Advance(&i.last, int64(now.Sub(i.begun)))
	}
	if i.Active != nil {
		Advance(i.Active, now.UnixNano())
	}
}

// clockSet is by how much a time has to be earlier to be of a clock that was set back.
const clockSet = time.Minute

// Advance sets a time, in nanoseconds, to a later one. It leaves it if it is later
// already: who looked at the clock first may be the last to say so.
func Advance(t *atomic.Int64, to int64) {
	for {
		old := t.Load()
		if old >= to && old-to < int64(clockSet) || t.CompareAndSwap(old, to) {
			return
		}
	}
}

// hold makes the time until release count as traffic: bytes are there, and may
// not go yet.
func (i *Idle) hold() { i.held.Add(1) }

func (i *Idle) release() {
	i.Touch()
	i.held.Add(-1)
}
