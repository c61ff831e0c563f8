package relay

import (
	"sync/atomic"
	"time"
)

// Idle is an idle timeout: one timer for both directions, which looks at the
// time of the last traffic when it fires. So traffic costs a look at the clock,
// and no system call. Touch may be called from any goroutine once Start has
// returned.
type Idle struct {
	After time.Duration // 0 is for ever
	begun time.Time
	last  atomic.Int64 // of the last traffic, from begun
	timer *time.Timer
}

// Start makes expired be called once there was no traffic for i.After, until the
// func that it returns is called.
func (i *Idle) Start(expired func()) (stop func() bool) {
	if i.After <= 0 {
		return func() bool { return true }
	}
	i.begun = time.Now()
	ready := make(chan struct{})
	i.timer = time.AfterFunc(i.After, func() {
		<-ready
		if left := i.After - time.Since(i.begun) + time.Duration(i.last.Load()); left > 0 {
			i.timer.Reset(left)
			return
		}
		expired()
	})
	close(ready)
	return i.timer.Stop
}

// Touch notes that there is traffic.
func (i *Idle) Touch() {
	if i.After > 0 {
		i.last.Store(int64(time.Since(i.begun)))
	}
}
