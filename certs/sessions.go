package certs

import (
	"crypto/tls"
	"sync"
	"time"
)

const (
	sessionsKept = 64 // servers, of which one ticket each is kept
	// stragglers is how long after a reload tickets are not kept: they may be of
	// connections made before it, and would show the certificate of then.
	stragglers = 2 * time.Minute
)

// sessions is a tls.ClientSessionCache that can be emptied while it is in use.
type sessions struct {
	mu    sync.Mutex
	cache tls.ClientSessionCache
	from  time.Time // nothing is kept before
}

func (s *sessions) reset(changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cache = tls.NewLRUClientSessionCache(sessionsKept)
	if changed {
		s.from = time.Now().Add(stragglers)
	}
}

// Get implements tls.ClientSessionCache.
func (s *sessions) Get(key string) (*tls.ClientSessionState, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cache.Get(key)
}

// Put implements tls.ClientSessionCache.
func (s *sessions) Put(key string, state *tls.ClientSessionState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state == nil || !time.Now().Before(s.from) {
		s.cache.Put(key, state)
	}
}
