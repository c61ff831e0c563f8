package relay

import (
	"io"

	"golang.org/x/sys/unix"
)

// splice moves the bytes of a flow through a pipe, within the kernel. It holds
// a pipe only while there are bytes to move.
type splice struct {
	*flow
	spare   source                // for when no pipe is to be had, or bytes have to wait; made then
	in, out func(fd uintptr) bool // fill and drain, made once, so that a call allocates nothing
	most    int                   // of the next fill
	pipe    *pipe
	err     error // of the last fill or drain
}

// canSplice reports whether both sides of f are stream sockets.
func canSplice(f *flow) bool {
	return f.src.raw == nil && f.src.fd != nil && f.dst.raw == nil && f.dst.fd != nil
}

func newSplice(f *flow) *splice {
	s := &splice{flow: f}
	s.in, s.out = s.fill, s.drain
	return s
}

// source returns what reads into a buffer.
func (s *splice) source() source {
	if s.spare == nil {
		s.spare = newSource(s.src.fd)
	}
	return s.spare
}

// move waits for bytes, and moves as many as a pipe holds.
func (s *splice) move() outcome {
	var err error
	s.most = unshaped
	if _, limited := s.flow.most(); limited {
		s.most, err = s.mayTake(s.source())
	}
	if err == nil {
		err = call(s.src.fd.Read, s.in, &s.err)
	}
	if err == errNoPipe {
		return s.copyOnce(s.source())
	}
	if err != nil {
		return s.stopped(err)
	}
	s.took(s.pipe.held)
	err = call(s.dst.fd.Write, s.out, &s.err)
	s.giveBack()
	if err != nil {
		s.writeFailed("write", err)
		return aborted
	}
	return moved
}

// call runs attempt on a descriptor and returns its error, or that of the
// descriptor: closed, or past the deadline.
func call(on func(func(uintptr) bool) error, attempt func(uintptr) bool, result *error) error {
	if err := on(attempt); err != nil {
		return err
	}
	return *result
}

// fill moves what waits on the socket into an empty pipe, and reports false if
// nothing waits. The pipe being empty, EAGAIN is about the socket.
func (s *splice) fill(fd uintptr) bool {
	if s.pipe = pipes.get(); s.pipe == nil {
		s.err = errNoPipe
		return true
	}
	n, err := move(int(fd), s.pipe.w, min(s.most, pipeSize))
	s.pipe.held = n
	if n > 0 {
		s.err = nil
		return true
	}
	s.giveBack()
	if err == nil {
		err = io.EOF
	}
	s.err = err
	return err != unix.EAGAIN
}

// drain moves the pipe's bytes to the socket, and reports false while that is
// full.
func (s *splice) drain(fd uintptr) bool {
	for s.pipe.held > 0 {
		n, err := move(s.pipe.r, int(fd), s.pipe.held)
		if err != nil {
			s.err = err
			return err != unix.EAGAIN
		}
		s.pipe.held -= n
		s.passed(n)
	}
	s.err = nil
	return true
}

func (s *splice) giveBack() {
	pipes.put(s.pipe)
	s.pipe = nil
}
