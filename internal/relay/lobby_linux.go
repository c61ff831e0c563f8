package relay

import (
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// waitingRoom is where directions at rest wait: all of them on one goroutine. Each has
// its socket in a set of epoll, for one event: when there is something to read, or
// the peer is gone, it goes on with a goroutine of its own. The set is itself a
// descriptor that Go's poller waits for, and so no thread waits in it.
type waitingRoom struct {
	mu     sync.Mutex
	opened bool
	set    *os.File // nil: the system has none for us
	fd     int      // of set
	seats  map[uint64]*flow
	last   uint64 // seat given
	runs   bool   // there is a goroutine: while there are seats
}

// lobby is the one of all tunnels, as descriptors are the process's.
var lobby waitingRoom

// events is how many are taken from the set at once.
const events = 128

// enter has f wait here, and reports whether it does: then f belongs to another
// goroutine by now, or to none.
func (r *waitingRoom) enter(f *flow) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.open() {
		return false
	}
	op := unix.EPOLL_CTL_MOD
	if f.seat == 0 {
		r.last++
		f.seat = r.last
		op = unix.EPOLL_CTL_ADD
	}
	if !r.watch(f, op) {
		return false
	}
	r.seats[f.seat] = f
	if !r.runs {
		r.runs = true
		go r.run() // ends when nobody is here
	}
	return true
}

// open makes the set, once. r.mu is held.
func (r *waitingRoom) open() bool {
	if r.opened {
		return r.set != nil
	}
	r.opened = true
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return false
	}
	_ = unix.SetNonblock(fd, true) // where it is not, Go's poller does not take it
	set := os.NewFile(uintptr(fd), "epoll")
	if set.SetReadDeadline(time.Time{}) != nil {
		set.Close()
		return false
	}
	r.fd, r.set, r.seats = fd, set, make(map[uint64]*flow)
	return true
}

// watch asks for one event of the socket of f. What is there already is one.
func (r *waitingRoom) watch(f *flow, op int) bool {
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLONESHOT, Fd: int32(f.seat), Pad: int32(f.seat >> 32)}
	var err error
	closed := f.src.fd.Control(func(fd uintptr) { err = unix.EpollCtl(r.fd, op, int(fd), &event) })
	return closed == nil && err == nil
}

// leave takes f out, and reports whether it was here: then it is for the caller to
// have it go on.
func (r *waitingRoom) leave(f *flow) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.seat == 0 || r.seats[f.seat] == nil {
		return false
	}
	delete(r.seats, f.seat)
	if len(r.seats) == 0 {
		_ = r.set.SetReadDeadline(time.Unix(1, 0)) // the set is never closed
	}
	return true
}

// run has those go on for which there are events.
func (r *waitingRoom) run() {
	var ready [events]unix.EpollEvent
	set, _ := r.set.SyscallConn() // never fails
	for {
		n := 0
		err := set.Read(func(fd uintptr) bool {
			n = taken(int(fd), ready[:])
			return n > 0
		})
		if r.call(ready[:n], err) {
			return
		}
	}
}

// taken takes events from the set, without waiting.
func taken(fd int, ready []unix.EpollEvent) int {
	for {
		n, err := unix.EpollWait(fd, ready, 0)
		if err != syscall.EINTR {
			return max(n, 0)
		}
	}
}

// call has those go on that events are for, and reports whether nobody is left.
func (r *waitingRoom) call(ready []unix.EpollEvent, err error) (empty bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range ready {
		seat := uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32
		if f := r.seats[seat]; f != nil {
			delete(r.seats, seat)
			go f.goOn() // ends with f, or comes back here
		}
	}
	if err != nil { // woken by leave
		_ = r.set.SetReadDeadline(time.Time{})
	}
	r.runs = len(r.seats) > 0
	return !r.runs
}
