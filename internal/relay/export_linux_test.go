package relay

import "golang.org/x/sys/unix"

// PipeLimit returns how many pipes there may be.
func PipeLimit() int { return pipes.most() }

// Pipes returns how many pipes there are, and how many of them are at rest.
func Pipes() (made, spare int) {
	pipes.mu.Lock()
	defer pipes.mu.Unlock()
	return pipes.made, len(pipes.spare)
}

// TakePipes makes n pipes unavailable, until the func that it returns is called.
func TakePipes(n int) (giveBack func()) {
	var taken []*pipe
	for range n {
		if p := pipes.get(); p != nil {
			taken = append(taken, p)
		}
	}
	return func() {
		for _, p := range taken {
			pipes.put(p)
		}
	}
}

// PipesEmpty reports whether no pipe at rest has bytes in it.
func PipesEmpty() bool {
	pipes.mu.Lock()
	defer pipes.mu.Unlock()
	for _, p := range pipes.spare {
		if n, err := unix.IoctlGetInt(p.r, unix.TIOCINQ); n != 0 || err != nil {
			return false
		}
	}
	return true
}

// Settle waits until the peer of c has acknowledged all that was written.
var Settle = settle
