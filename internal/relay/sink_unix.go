//go:build unix

package relay

import (
	"io"
	"net"
	"syscall"
)

// newSink returns what writes to c, whose descriptor fd is, if it has one.
func newSink(c net.Conn, fd syscall.RawConn) io.Writer {
	if fd == nil {
		return c
	}
	s := &fdSink{raw: fd}
	s.try = s.attempt
	return s
}

// fdSink writes to a non-blocking descriptor.
type fdSink struct {
	raw syscall.RawConn
	try func(fd uintptr) bool // attempt, made once, so that a call allocates nothing

	// The call under way.
	rest []byte
	err  error
}

func (s *fdSink) Write(b []byte) (int, error) {
	s.rest, s.err = b, nil
	err := s.raw.Write(s.try)
	if err == nil { // else it is closed, or past the deadline
		err = s.err
	}
	n := len(b) - len(s.rest)
	s.rest = nil
	return n, err
}

// attempt writes as much as there is room for, and reports whether the write is
// done.
func (s *fdSink) attempt(fd uintptr) bool {
	for len(s.rest) > 0 {
		n, err := write(int(fd), s.rest)
		switch {
		case err == nil:
			s.rest = s.rest[n:]
		case err == syscall.EAGAIN:
			return false
		case err != syscall.EINTR:
			s.err = err
			return true
		}
	}
	return true
}
