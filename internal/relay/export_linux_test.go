package relay

import (
	"time"

	"golang.org/x/sys/unix"
)

// PipeLimit returns how many pipes there may be.
func PipeLimit() int { return pipes.most() }

// Pipes returns how many pipes there are, and how many of them are at rest.
func Pipes() (made, spare int) {
	pipes.mu.Lock()
	defer pipes.mu.Unlock()
	return pipes.made, len(pipes.spare)
}

// TakePipes makes n pipes unavailable, until the func that it returns is called. It
// waits a while for those that are lent: a tunnel has one for the moment in which it
// looks whether there is anything to move.
func TakePipes(n int) (giveBack func()) {
	var taken []*pipe
	for by := time.Now().Add(time.Second); len(taken) < n && time.Now().Before(by); {
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

// AtRest returns how many directions are at rest.
func AtRest() int {
	lobby.mu.Lock()
	defer lobby.mu.Unlock()
	return len(lobby.seats)
}

// CloseLobby leaves no place to rest, until the func that it returns is called.
func CloseLobby() (reopen func()) {
	lobby.mu.Lock()
	defer lobby.mu.Unlock()
	set := lobby.set
	lobby.opened, lobby.set = true, nil
	return func() {
		lobby.mu.Lock()
		defer lobby.mu.Unlock()
		lobby.opened, lobby.set = set != nil, set
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
