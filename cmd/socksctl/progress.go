package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progressEvery is how often a person is told of progress at most.
const progressEvery = 100 * time.Millisecond

// progress is a line on a terminal that says how far something has come. It is
// written over, and taken away at the end. It may be used by several goroutines.
type progress struct {
	mu    sync.Mutex
	to    io.Writer // nil where nobody looks
	next  time.Time // not to be written before
	shown bool
}

// progress returns one on stderr, which shows nothing where that is no terminal.
func (s streams) progress() *progress {
	if !isTerminal(s.err) {
		return new(progress)
	}
	return &progress{to: s.err}
}

// exportProgress is progress for what a person would see come, were it not written
// elsewhere.
func (s streams) exportProgress() *progress {
	if isTerminal(s.out) {
		return new(progress)
	}
	return s.progress()
}

// show says how far it is, unless it said so a moment ago.
func (p *progress) show(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.to == nil || now.Before(p.next) {
		return
	}
	p.next, p.shown = now.Add(progressEvery), true
	fmt.Fprintf(p.to, "\r\x1b[K"+format, args...)
}

// clear takes the line away, for what is to be printed in its place.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		fmt.Fprint(p.to, "\r\x1b[K")
	}
	p.shown, p.next = false, time.Time{}
}
