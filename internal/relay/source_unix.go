//go:build unix

package relay

import (
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// newSource returns the source of a descriptor, and nil if that is nil.
func newSource(fd syscall.RawConn) source {
	if fd == nil {
		return nil
	}
	s := &fdSource{raw: fd}
	s.try, s.look = s.attempt, s.count
	return s
}

// descriptor returns the descriptor of a conn that is a stream socket itself,
// and nil for any other.
func descriptor(c net.Conn) syscall.RawConn {
	switch c.(type) {
	case *net.TCPConn:
	case *net.UnixConn:
		if c.LocalAddr().Network() != "unix" {
			return nil
		}
	default:
		return nil
	}
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// fdSource is a source on a non-blocking descriptor.
type fdSource struct {
	raw       syscall.RawConn
	try, look func(fd uintptr) bool // attempt and count, made once, so that a call allocates nothing

	// The call under way.
	most int
	wait bool
	buf  *buffer
	n    int
	err  error
}

func (s *fdSource) read(most int, wait bool) (*buffer, int, error) {
	s.most, s.wait = min(most, bufferSize), wait
	if err := s.raw.Read(s.try); err != nil {
		return nil, 0, err // closed, or past the deadline
	}
	buf, n, err := s.buf, s.n, s.err
	s.buf = nil
	return buf, n, err
}

// attempt reads once, and reports whether the read is done.
func (s *fdSource) attempt(fd uintptr) bool {
	buf := buffers.get()
	s.n, s.err = readFD(int(fd), buf[:s.most])
	if s.err == nil {
		s.buf = buf
		return true
	}
	buffers.put(buf)
	return s.err != syscall.EAGAIN || !s.wait
}

// readFD is read(2), with the end as io.EOF.
func readFD(fd int, b []byte) (int, error) {
	for {
		n, err := read(fd, b)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

func (s *fdSource) await(most int) (int, error) {
	if err := s.raw.Read(s.look); err != nil {
		return 0, err // closed, or past the deadline
	}
	return min(s.n, most), s.err
}

// count counts the bytes that wait on the socket, and reports false if there are
// none and more may come.
func (s *fdSource) count(fd uintptr) bool {
	if s.n, s.err = pending(int(fd)); s.n > 0 || s.err != nil {
		return true
	}
	ready, err := readable(int(fd))
	if ready { // at its end, or bytes have come meanwhile
		s.n, s.err = pending(int(fd))
		return true
	}
	s.err = err
	return err != nil
}

func pending(fd int) (int, error) { return unix.IoctlGetInt(fd, fionread) }

// readable reports whether a read would not wait.
func readable(fd int) (bool, error) {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		if err != unix.EINTR {
			return n > 0, err
		}
	}
}
