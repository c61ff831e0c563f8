package server

import (
	"errors"
	"sync"
	"sync/atomic"
)

// LoginResult is a kind of end that an attempt to log in may have.
type LoginResult struct {
	Method string      // as in Identity; empty when none was chosen
	Reason LoginReason // of the refusal; empty for one that was let in
}

// Logins returns how many logins were let in and refused so far, by method and
// reason. The sum is over the server's life.
func (s *Server) Logins() map[LoginResult]int64 {
	s.logins.mu.RLock()
	defer s.logins.mu.RUnlock()
	all := make(map[LoginResult]int64, len(s.logins.count))
	for result, n := range s.logins.count {
		all[result] = n.Load()
	}
	return all
}

// logins counts the ends of logins. Its lock is for kinds that are new.
type logins struct {
	mu    sync.RWMutex
	count map[LoginResult]*atomic.Int64
}

// add counts a login of method that ended with err. What ended before there was
// a verdict, as when the client hangs up, is not counted.
func (l *logins) add(method string, err error) {
	r := LoginResult{Method: method}
	if err != nil {
		refused, ok := errors.AsType[*LoginError](err)
		if !ok {
			return
		}
		r = LoginResult{refused.Method, refused.Reason}
	}
	l.of(r).Add(1)
}

// of returns what counts r.
func (l *logins) of(r LoginResult) *atomic.Int64 {
	l.mu.RLock()
	known := l.count[r]
	l.mu.RUnlock()
	if known != nil {
		return known
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count == nil {
		l.count = make(map[LoginResult]*atomic.Int64)
	}
	if l.count[r] == nil {
		l.count[r] = new(atomic.Int64)
	}
	return l.count[r]
}
