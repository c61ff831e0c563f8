package server

import "sync"

// warmQueues holds the sessions of proven peers that have not asked for
// anything yet, by user: a forwarder keeps such connections ready.
type warmQueues struct {
	mu    sync.Mutex
	users map[string]*queue
}

// add counts s as warm; one more than limit for a user ends that user's oldest.
func (w *warmQueues) add(s *Session, limit int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.users == nil {
		w.users = make(map[string]*queue)
	}
	q := w.users[s.Identity.User]
	if q == nil {
		q = new(queue)
		w.users[s.Identity.User] = q
	}
	if oldest := q.add(s, limit); oldest != nil {
		oldest.End(errCrowdedOut)
	}
}

// remove takes s out if it is in.
func (w *warmQueues) remove(s *Session) {
	if s.place.in.Load() == nil { // as mostly: few are ever warm
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	q := w.users[s.Identity.User]
	if q == nil {
		return
	}
	q.remove(s)
	if q.count == 0 {
		delete(w.users, s.Identity.User)
	}
}

// oldest takes the oldest session of some user out and returns it, or nil.
func (w *warmQueues) oldest() *Session {
	w.mu.Lock()
	defer w.mu.Unlock()
	for user, q := range w.users {
		s := q.oldest()
		if q.count == 0 {
			delete(w.users, user)
		}
		if s != nil {
			return s
		}
	}
	return nil
}
