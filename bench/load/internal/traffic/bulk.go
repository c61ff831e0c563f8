package traffic

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Meter returns the CPU time that what is measured has taken so far.
type Meter func() (time.Duration, error)

// Span is how long something is done: Ramp before the measuring begins, and
// Window of it.
type Span struct{ Ramp, Window time.Duration }

// Work is what was done in a window.
type Work struct {
	Done int64 // units
	CPU  time.Duration
	Took time.Duration
}

// Download has streams of bytes come from the origin, and counts the bytes that
// the apps got.
func Download(ctx context.Context, w *Way, streams int, s Span, m Meter) (Work, error) {
	var got atomic.Int64
	return bulk(ctx, w, streams, wantDownload, func(c net.Conn) { count(c, &got) }, &got, s, m)
}

// Upload is Download the other way. The origin counts.
func Upload(ctx context.Context, o *Origin, w *Way, streams int, s Span, m Meter) (Work, error) {
	return bulk(ctx, w, streams, wantUpload, fill, &o.taken, s, m)
}

func bulk(ctx context.Context, w *Way, streams int, want byte, app func(net.Conn), moved *atomic.Int64, s Span, m Meter) (Work, error) {
	conns, err := Open(ctx, w, streams)
	var running sync.WaitGroup
	defer running.Wait()
	defer CloseAll(conns)
	if err != nil {
		return Work{}, err
	}
	for _, c := range conns {
		if _, err := c.Write([]byte{want}); err != nil {
			return Work{}, err
		}
		running.Go(func() { app(c) }) // ends when c is closed
	}
	return observe(ctx, moved, s, m)
}

// observe waits for the ramp and the window and tells what was done in the
// window.
func observe(ctx context.Context, done *atomic.Int64, s Span, m Meter) (Work, error) {
	if err := Pause(ctx, s.Ramp); err != nil {
		return Work{}, err
	}
	cpu, err := m()
	if err != nil {
		return Work{}, err
	}
	before, from := done.Load(), time.Now()
	if err := Pause(ctx, s.Window); err != nil {
		return Work{}, err
	}
	w := Work{Done: done.Load() - before, Took: time.Since(from)}
	after, err := m()
	w.CPU = after - cpu
	return w, err
}

// Pause waits for a configured time, and less if ctx ends.
func Pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
