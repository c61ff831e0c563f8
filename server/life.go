package server

import (
	"context"
	"sync"
)

// life is how long a session lives: until it is ended, or has come to its end by
// itself. It is what is left of a context once a tunnel is joined, which may wait
// for hours: a context that closes something at its end is a dozen objects.
type life struct {
	mu     sync.Mutex
	reason error       // that it was ended for
	ender  func(error) // ends what the session does at the moment, without waiting; nil: it is over
}

// begin begins a life, with what ends it.
func (l *life) begin(ender func(error)) { l.ender = ender }

// end ends it, for the first reason that there is.
func (l *life) end(reason error) {
	if reason == nil {
		reason = context.Canceled
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ender != nil && l.reason == nil {
		l.reason = reason
		l.ender(reason)
	}
}

// goOn has another thing ended from now on, at once if it was ended before.
func (l *life) goOn(ender func(error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ender == nil {
		return
	}
	l.ender = ender
	if l.reason != nil {
		ender(l.reason)
	}
}

// over says that it has come to its end: nothing can be ended any more.
func (l *life) over() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ender = nil
}

// ended returns the reason that it was ended for, and nil if it was not.
func (l *life) ended() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reason
}
