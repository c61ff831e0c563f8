package server

import (
	"errors"
	"maps"
	"sync"
)

// LoginResult is a kind of end that an attempt to log in may have.
type LoginResult struct {
	Method string      // as in Identity; empty when none was chosen
	Reason LoginReason // of the refusal; empty for one that was let in
}

// Logins returns how many logins were let in and refused so far, by method and
// reason. The sum is over the server's life.
func (s *Server) Logins() map[LoginResult]int64 {
	s.logins.mu.Lock()
	defer s.logins.mu.Unlock()
	return maps.Clone(s.logins.count)
}

// logins counts the ends of logins.
type logins struct {
	mu    sync.Mutex
	count map[LoginResult]int64
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
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count == nil {
		l.count = make(map[LoginResult]int64)
	}
	l.count[r]++
}
