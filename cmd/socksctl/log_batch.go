package main

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	// lineDelay is how long a line of a session waits for others: a write of its
	// own for each costs a busy server more than all else about the line.
	lineDelay = 20 * time.Millisecond

	// lineRoom is how many bytes of lines wait.
	lineRoom = 64 << 10
)

// gatherer is a writer that gathers what it is given.
type gatherer struct {
	w     io.Writer
	delay time.Duration

	mu    sync.Mutex
	wait  []byte
	timer *time.Timer // runs while something waits; nil at first
}

// Write keeps b for the next flush.
func (g *gatherer) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.wait) == 0 {
		g.begin()
	}
	g.wait = append(g.wait, b...)
	if len(g.wait) < lineRoom {
		return len(b), nil
	}
	return len(b), g.write()
}

// begin has what is to wait written later; g.mu is held.
func (g *gatherer) begin() {
	if g.timer == nil {
		g.timer = time.AfterFunc(g.delay, func() { _ = g.flush() }) // nobody is left to be told
		return
	}
	g.timer.Reset(g.delay)
}

// flush writes what waits.
func (g *gatherer) flush() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.write()
}

// write is flush with g.mu held: lines keep their order.
func (g *gatherer) write() error {
	if len(g.wait) == 0 {
		return nil
	}
	g.timer.Stop()
	_, err := g.w.Write(g.wait)
	g.wait = g.wait[:0]
	return err
}

// batch is a handler over a gatherer, which it flushes after a record that is not below
// a level.
type batch struct {
	slog.Handler
	lines *gatherer
	least slog.Level
}

// Handle implements slog.Handler.
func (b *batch) Handle(ctx context.Context, r slog.Record) error {
	err := b.Handler.Handle(ctx, r)
	if err == nil && r.Level >= b.least {
		err = b.lines.flush()
	}
	return err
}

// WithAttrs implements slog.Handler.
func (b *batch) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &batch{b.Handler.WithAttrs(attrs), b.lines, b.least}
}

// WithGroup implements slog.Handler.
func (b *batch) WithGroup(name string) slog.Handler {
	return &batch{b.Handler.WithGroup(name), b.lines, b.least}
}

// forSessions returns log as a server is to have it: its lines below Warn, one for
// each session, are written several at a time. They are written before any other
// line of log that comes after them, and by the func that is returned.
func forSessions(log *slog.Logger) (*slog.Logger, func() error) {
	b, ok := log.Handler().(*batch)
	if !ok {
		return log, func() error { return nil }
	}
	return slog.New(&batch{b.Handler, b.lines, slog.LevelWarn}), b.lines.flush
}
