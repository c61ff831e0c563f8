package server

import (
	"sync"
	"sync/atomic"
)

// queue is the sessions that wait for something, in the order in which they
// came. A session waits in one at a time.
type queue struct {
	mu            sync.Mutex
	first, newest *Session
	count         int
}

// place is where a session waits. The lock of its queue guards the neighbours.
type place struct {
	in           atomic.Pointer[queue] // nil: it does not wait
	before, next *Session
}

// add puts s at the end. If that makes more than limit, it takes the oldest out
// and returns it.
func (q *queue) add(s *Session, limit int) (oldest *Session) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s.place.before = q.newest
	if q.newest != nil {
		q.newest.place.next = s
	} else {
		q.first = s
	}
	q.newest = s
	q.count++
	s.place.in.Store(q)
	if q.count > limit {
		return q.take()
	}
	return nil
}

// oldest takes the oldest session out and returns it, or nil.
func (q *queue) oldest() *Session {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.take()
}

// each calls f for each session. One that is being taken out waits for it.
func (q *queue) each(f func(*Session)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for s := q.first; s != nil; s = s.place.next {
		f(s)
	}
}

// remove takes s out if it is in.
func (q *queue) remove(s *Session) {
	if s.place.in.Load() != q { // as mostly, when it is called again
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.place.in.Load() == q {
		q.unlink(s)
	}
}

// take is oldest with q.mu held.
func (q *queue) take() *Session {
	s := q.first
	if s != nil {
		q.unlink(s)
	}
	return s
}

// unlink takes s out, which is in; q.mu is held.
func (q *queue) unlink(s *Session) {
	before, next := s.place.before, s.place.next
	if before != nil {
		before.place.next = next
	} else {
		q.first = next
	}
	if next != nil {
		next.place.before = before
	} else {
		q.newest = before
	}
	q.count--
	s.place.before, s.place.next = nil, nil
	s.place.in.Store(nil) // last: from here on it may wait in another
}
