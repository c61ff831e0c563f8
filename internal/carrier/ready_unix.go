//go:build unix

package carrier

import "golang.org/x/sys/unix"

// readiness waits under a RawConn until a datagram is there, so that no buffer
// is needed before.
type readiness struct {
	fds [1]unix.PollFd
	fn  func(uintptr) bool // made once: a closure a call would allocate
}

func (r *readiness) init() { r.fn = r.ready }

// ready asks the kernel, because the RawConn forgets what became readable
// before its Read began.
func (r *readiness) ready(fd uintptr) bool {
	r.fds[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	n, err := unix.Poll(r.fds[:], 0)
	return n > 0 || err != nil && err != unix.EINTR
}
