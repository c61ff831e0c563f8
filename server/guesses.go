package server

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

const (
	// maxLock is how long a lock lasts at most, and after how long without a
	// failure those of before are forgotten.
	maxLock = 15 * time.Minute
	// maxGuessers bounds what failures are remembered of.
	maxGuessers = 1 << 16
)

// errLocked is the reason of who is not listened to for having failed too often.
var errLocked = &LoginError{Method: "password", Reason: LoginLocked, Err: errors.New("too many failed logins before")}

// lockedOut is errLocked of who tries to log in as user.
func lockedOut(user string) error {
	return &LoginError{Method: errLocked.Method, Reason: errLocked.Reason, Err: fmt.Errorf("user %q: %w", user, errLocked.Err)}
}

// guesser is who may be guessing passwords: an address, and on this host, where
// all share one, the user who is tried.
type guesser struct {
	addr netip.Addr
	user string
}

// guesserOf returns whom a login of s as user is counted for.
func guesserOf(s *Session, user string) guesser {
	if isPrivate(s.Client) {
		return guesser{user: user}
	}
	return guesser{addr: crowdOf(s.Client)}
}

// guesses counts failed logins, and locks out who has too many, for longer each
// time. Its zero value has counted none.
type guesses struct {
	mu sync.Mutex
	by map[guesser]*failures
}

// failures is those of one guesser.
type failures struct {
	count int
	until time.Time // of the lock; of the last failure where there is none
}

// locked tells whether g is locked out.
func (g *guesses) locked(who guesser) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	f := g.by[who]
	return f != nil && time.Now().Before(f.until)
}

// failed counts a failure. From the limit's on each locks, the first for
// l.LoginLock and each that follows for twice as long.
func (g *guesses) failed(who guesser, l *Limits) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	f := g.by[who]
	if f == nil || f.forgotten(now) {
		g.makeRoom(now)
		f = new(failures)
		g.by[who] = f
	}
	f.count++
	f.until = now
	if over := f.count - l.LoginFailures; l.LoginFailures > 0 && over >= 0 {
		f.until = now.Add(min(l.LoginLock<<min(over, 20), maxLock))
	}
}

// forgive forgets what a user on this host has failed. An address is not
// forgiven: who knows one password may be guessing others.
func (g *guesses) forgive(who guesser) {
	if who.addr.IsValid() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.by, who)
}

// forgotten tells whether the failures count no more.
func (f *failures) forgotten(now time.Time) bool { return now.Sub(f.until) > maxLock }

// makeRoom keeps the table within its bound. A full one loses what is forgotten,
// and then others until a quarter is free, so that this is seldom; g.mu is held.
func (g *guesses) makeRoom(now time.Time) {
	if g.by == nil {
		g.by = make(map[guesser]*failures)
	}
	if len(g.by) < maxGuessers {
		return
	}
	for who, f := range g.by {
		if f.forgotten(now) {
			delete(g.by, who)
		}
	}
	for who := range g.by {
		if len(g.by) <= maxGuessers*3/4 {
			return
		}
		delete(g.by, who)
	}
}
