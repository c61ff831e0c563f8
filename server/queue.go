package server

import (
	"container/list"
	"sync"
)

// queue is the sessions that wait for something, in the order in which they
// came.
type queue struct {
	mu    sync.Mutex
	order list.List // of *Session
	place map[*Session]*list.Element
}

// add puts s at the end. If that makes more than limit, it takes the oldest out
// and returns it.
func (q *queue) add(s *Session, limit int) (oldest *Session) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.place == nil {
		q.place = make(map[*Session]*list.Element)
	}
	q.place[s] = q.order.PushBack(s)
	if q.order.Len() > limit {
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
	for s := range q.place {
		f(s)
	}
}

// take is oldest with q.mu held.
func (q *queue) take() *Session {
	front := q.order.Front()
	if front == nil {
		return nil
	}
	s := q.order.Remove(front).(*Session)
	delete(q.place, s)
	return s
}

// remove takes s out if it is in.
func (q *queue) remove(s *Session) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e := q.place[s]; e != nil {
		q.order.Remove(e)
		delete(q.place, s)
	}
}
