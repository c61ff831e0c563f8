package relay

import (
	"errors"
	"os"
	"sync"
	"time"
)

// restAfter is for how long nothing has to come from a side until it is waited for
// without a goroutine. Then one has to be started for what comes next, which takes
// some microseconds: too much for each of many small messages.
const restAfter = 100 * time.Millisecond

// rest is what a flow knows of being at rest. The alarm is the read deadline of its
// source: it ends a wait that has lasted for a while, with the outcome quiet.
type rest struct {
	after   time.Duration // of quiet, until it is at rest; never, if it is not positive
	unset   bool          // the alarm is to be set once bytes have moved
	seat    uint64        // in the lobby, once it has one
	resting sync.Mutex
	until   int64 // that the run has set a deadline for, which is none of ours: in nanoseconds since 1970; 0: it has not
}

// restless tells that f is never at rest: its source has no descriptor, or there is
// no place to rest.
func (f *flow) restless() bool { return f.after <= 0 }

// setAlarm sets the alarm to go off when it has been quiet from now on.
func (f *flow) setAlarm() {
	f.resting.Lock()
	defer f.resting.Unlock()
	f.unset = false
	f.before = f.count.Load()
	f.deadline(time.Now().Add(f.after))
}

// deadline sets the read deadline of the source, unless the run has. f.resting is
// held.
func (f *flow) deadline(t time.Time) {
	if f.until == 0 && !f.restless() {
		_ = socket(f.src.conn).SetReadDeadline(t) // one that cannot be set fails the read
	}
}

// rang tells whether a read failed because of the alarm.
func (f *flow) rang(err error) bool {
	if f.restless() || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	f.resting.Lock()
	defer f.resting.Unlock()
	return f.until == 0 || time.Now().UnixNano() < f.until
}

// toRest is for when the alarm has rung. If nothing has moved since it was set, f
// goes to rest, and its goroutine is to end. Otherwise the alarm is set again.
func (f *flow) toRest() bool {
	f.resting.Lock()
	defer f.resting.Unlock()
	if f.until != 0 {
		return false
	}
	if now := f.count.Load(); now != f.before {
		f.before = now
		f.deadline(time.Now().Add(f.after))
		return false
	}
	if lobby.enter(f) {
		return true
	}
	f.deadline(time.Time{})
	f.after = 0
	return false
}

// goOn goes on after a rest, on a new goroutine. What there is is read before the
// alarm is set, which might go off first.
func (f *flow) goOn() {
	f.resting.Lock()
	f.unset = true
	f.deadline(time.Time{})
	f.resting.Unlock()
	f.relay()
}

// interrupt makes f wait for no longer than by: not at all, if that is past.
func (f *flow) interrupt(by time.Time) {
	f.resting.Lock()
	defer f.resting.Unlock()
	f.until = by.UnixNano()
	_ = socket(f.src.conn).SetReadDeadline(by) // fails on a closed conn, which ends the wait too
	if lobby.leave(f) {
		go f.goOn() // ends with f
	}
}
