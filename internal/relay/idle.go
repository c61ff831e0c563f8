package relay

import (
	"sync/atomic"
	"time"
)

// idle is the idle timeout of a tunnel: one timer for both directions, which
// looks at the time of the last byte when it fires. So a byte costs a look at
// the clock, and no system call.
type idle struct {
	after time.Duration // 0 is for ever
	begun time.Time
	last  atomic.Int64 // of the last byte, from begun
	timer *time.Timer
}

// start makes expired be called once no byte has moved for i.after, until the
// func that it returns is called.
func (i *idle) start(expired func()) (stop func() bool) {
	if i.after <= 0 {
		return func() bool { return true }
	}
	i.begun = time.Now()
	ready := make(chan struct{})
	i.timer = time.AfterFunc(i.after, func() {
		<-ready
		if left := i.after - time.Since(i.begun) + time.Duration(i.last.Load()); left > 0 {
			i.timer.Reset(left)
			return
		}
		expired()
	})
	close(ready)
	return i.timer.Stop
}

// touch notes that a byte moved.
func (i *idle) touch() {
	if i.after > 0 {
		i.last.Store(int64(time.Since(i.begun)))
	}
}
