package relay

import (
	"errors"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	// pipeSize is what the first maxSpare pipes are asked to hold, as io.Copy asks
	// for: fewer turns for the same bytes. The system may give less. Others hold the
	// 64 KiB that pipes have. A user without privileges may have 64 MiB in pipes
	// (pipe(7)), and past that gets pipes of two pages: all of these come to less.
	pipeSize = 1 << 20

	// maxPipes bounds the pipes in use and at rest, and so does pipeShare, which
	// part of the descriptors one for each pipe may be. Past it bytes go through
	// buffers.
	maxPipes  = 512
	pipeShare = 32

	// maxSpare bounds the pipes at rest.
	maxSpare = 32
)

// PipeDescriptors returns how many descriptors the pipes of all tunnels take at
// most. Those at rest keep theirs: what else there are descriptors for has to do
// with the others.
func PipeDescriptors() int { return 2 * pipes.most() }

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
	limit int // of made; 0: not yet asked for
}

// most returns how many pipes there may be.
func (p *pipePool) most() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bound()
}

// bound is most with p.mu held.
func (p *pipePool) bound() int {
	if p.limit == 0 {
		p.limit = min(max(MaxDescriptors()/pipeShare, 1), maxPipes)
	}
	return p.limit
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
	if p.made == p.bound() {
		p.mu.Unlock()
		return nil
	}
	p.made++
	large := p.made <= maxSpare
	p.mu.Unlock()

	made := newPipe(large)
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

func newPipe(large bool) *pipe {
	var fds [2]int
	if unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK) != nil {
		return nil
	}
	if large { // where the system refuses it stays smaller
		_, _ = unix.FcntlInt(uintptr(fds[0]), unix.F_SETPIPE_SZ, pipeSize)
	}
	return &pipe{r: fds[0], w: fds[1]}
}
