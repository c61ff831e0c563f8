//go:build unix

package relay

import (
	"io"
	"net"
	"syscall"
)

// newSource returns the source of a conn that is a stream socket, and nil for
// any other.
func newSource(c net.Conn) source {
	raw := descriptor(c)
	if raw == nil {
		return nil
	}
	s := &fdSource{raw: raw}
	s.try = s.attempt
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
	raw syscall.RawConn
	try func(fd uintptr) bool // attempt, made once, so that a read allocates nothing

	// The read under way.
	wait bool
	buf  *buffer
	n    int
	err  error
}

func (s *fdSource) read(wait bool) (*buffer, int, error) {
	s.wait = wait
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
	s.n, s.err = readFD(int(fd), buf[:])
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
		n, err := syscall.Read(fd, b)
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
