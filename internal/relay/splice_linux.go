package relay

import (
	"io"
	"syscall"

	"golang.org/x/sys/unix"
)

// splice moves the bytes of a flow through a pipe, within the kernel. It holds
// a pipe only while there are bytes to move.
type splice struct {
	*flow
	source   source // for when no pipe is to be had
	from, to syscall.RawConn
	in, out  func(fd uintptr) bool // fill and drain, made once, so that a call allocates nothing
	most     int                   // of the next fill
	pipe     *pipe
	err      error // of the last fill or drain
}

// newSplice returns the splice of f, and nil if one of its sides is no stream
// socket.
func newSplice(f *flow, src source) *splice {
	s := &splice{flow: f, source: src, from: descriptor(f.src.data), to: descriptor(f.dst.data)}
	if s.from == nil || s.to == nil {
		return nil
	}
	s.in, s.out = s.fill, s.drain
	return s
}

// move moves bytes until src ends. It needs no more stack for that than to wait.
func (s *splice) move() (more, inOrder bool) { return false, s.copy() }

func (s *splice) copy() (inOrder bool) {
	for {
		var err error
		if s.most, err = s.mayTake(s.source); err == nil {
			err = call(s.from.Read, s.in, &s.err)
		}
		if err == errNoPipe {
			more, inOrder := s.copyOnce(s.source)
			if !more {
				return inOrder
			}
			continue
		}
		if err != nil {
			return s.ended(err)
		}
		s.took(s.pipe.held)
		err = call(s.to.Write, s.out, &s.err)
		s.giveBack()
		if err != nil {
			s.writeFailed("write", err)
			return false
		}
	}
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
		s.moved(n)
	}
	s.err = nil
	return true
}

func (s *splice) giveBack() {
	pipes.put(s.pipe)
	s.pipe = nil
}

// move is splice(2), without waiting.
func move(from, to, most int) (int, error) {
	for {
		n, err := unix.Splice(from, nil, to, nil, most, unix.SPLICE_F_NONBLOCK)
		if err != unix.EINTR {
			return int(max(n, 0)), err
		}
	}
}
