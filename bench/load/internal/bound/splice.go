package bound

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// pipeSize is how much a pipe is made to hold, which is what io.Copy asks for too.
const pipeSize = 1 << 20

// pipe is one that is empty while nobody has it.
type pipe struct{ r, w int }

// pipes keeps those that are not in use. It is bounded by how many flows move
// bytes at one time.
type pipes struct {
	mu   sync.Mutex
	free []pipe
}

func (p *pipes) get() (pipe, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := len(p.free) - 1; last >= 0 {
		one := p.free[last]
		p.free = p.free[:last]
		return one, nil
	}
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return pipe{}, err
	}
	_, _ = unix.FcntlInt(uintptr(ends[1]), unix.F_SETPIPE_SZ, pipeSize) // the default will do
	return pipe{ends[0], ends[1]}, nil
}

func (p *pipes) put(one pipe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, one)
}

// joiner splices between TCP conns by way of pipes that all of them share.
func joiner() func(a, b net.Conn) {
	shared := new(pipes)
	return func(a, b net.Conn) {
		var back sync.WaitGroup
		back.Go(func() { finish(a, shared.move(a, b)) }) // ends when b does
		finish(b, shared.move(b, a))
		back.Wait()
	}
}

// move moves what src has to dst until src ends.
func (p *pipes) move(dst, src net.Conn) error {
	from, err := src.(*net.TCPConn).SyscallConn()
	if err != nil {
		return err
	}
	to, err := dst.(*net.TCPConn).SyscallConn()
	if err != nil {
		return err
	}
	f := &flow{pipes: p}
	for {
		if err := f.pass(from, to); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// flow is one way of a joint.
type flow struct {
	*pipes
	held int
	pipe pipe
	err  error
}

// pass waits until bytes are there and moves those of one pipe.
func (f *flow) pass(from, to syscall.RawConn) error {
	if err := from.Read(f.fill); err != nil || f.err != nil {
		return either(err, f.err)
	}
	if err := to.Write(f.drain); err != nil || f.err != nil { // the pipe is lost with what it holds
		unix.Close(f.pipe.r)
		unix.Close(f.pipe.w)
		return either(err, f.err)
	}
	f.put(f.pipe)
	return nil
}

func either(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// fill reports false while nothing waits, with the pipe given back.
func (f *flow) fill(fd uintptr) bool {
	if f.pipe, f.err = f.get(); f.err != nil {
		return true
	}
	n, err := unix.Splice(int(fd), nil, f.pipe.w, nil, pipeSize, unix.SPLICE_F_NONBLOCK)
	if f.held = int(n); n > 0 {
		f.err = nil
		return true
	}
	f.put(f.pipe)
	if f.err = err; err == nil {
		f.err = io.EOF
	}
	return err != unix.EAGAIN
}

// drain reports false while the other side takes no more.
func (f *flow) drain(fd uintptr) bool {
	for f.held > 0 {
		n, err := unix.Splice(f.pipe.r, nil, int(fd), nil, f.held, unix.SPLICE_F_NONBLOCK)
		if err != nil {
			f.err = err
			return err != unix.EAGAIN
		}
		f.held -= int(n)
	}
	f.err = nil
	return true
}
