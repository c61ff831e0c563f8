package relay

import (
	"errors"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	// pipeSize is what a pipe is asked to hold. The system may give less.
	pipeSize = 256 << 10

	// maxPipes bounds the pipes in use and at rest, two descriptors each.
	// Past it bytes go through buffers.
	maxPipes = 512

	// maxSpare bounds the pipes at rest.
	maxSpare = 32
)

var errNoPipe = errors.New("no pipe to be had")

// pipe is a pipe, and how many bytes are in it.
type pipe struct{ r, w, held int }

// pipes is a cache, shared by all tunnels as descriptors are.
var pipes pipePool

// pipePool lends out empty pipes.
type pipePool struct {
	mu    sync.Mutex
	spare []*pipe
	made  int // lent and spare
}

// get returns an empty pipe, or nil if there are too many or the system refuses
// one.
func (p *pipePool) get() *pipe {
	p.mu.Lock()
	if last := len(p.spare) - 1; last >= 0 {
		got := p.spare[last]
		p.spare = p.spare[:last]
		p.mu.Unlock()
		return got
	}
	if p.made == maxPipes {
		p.mu.Unlock()
		return nil
	}
	p.made++
	p.mu.Unlock()

	made := newPipe()
	if made == nil {
		p.forget()
	}
	return made
}

// put takes back a pipe. One with bytes in it is closed: they belong to the
// flow that failed to move them.
func (p *pipePool) put(used *pipe) {
	p.mu.Lock()
	if used.held == 0 && len(p.spare) < maxSpare {
		p.spare = append(p.spare, used)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	unix.Close(used.r)
	unix.Close(used.w)
	p.forget()
}

func (p *pipePool) forget() {
	p.mu.Lock()
	p.made--
	p.mu.Unlock()
}

func newPipe() *pipe {
	var fds [2]int
	if unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK) != nil {
		return nil
	}
	// A user may have only so many pages in pipes: then it stays smaller.
	_, _ = unix.FcntlInt(uintptr(fds[0]), unix.F_SETPIPE_SZ, pipeSize)
	return &pipe{r: fds[0], w: fds[1]}
}
