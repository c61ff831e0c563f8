package traffic

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// settle is how long a proxy gets to finish what it does after the last of its
// connections: what is put off counts too.
const settle = 300 * time.Millisecond

// Connects opens tunnels, has a byte echoed through each and closes them, as many
// apps at a time as workers.
func Connects(ctx context.Context, w *Way, workers int, s Span, m Meter) (Work, error) {
	if _, err := connects(ctx, w, workers, s.Ramp); err != nil {
		return Work{}, err
	}
	if err := Pause(ctx, settle); err != nil {
		return Work{}, err
	}
	before, err := m()
	if err != nil {
		return Work{}, err
	}
	from := time.Now()
	n, err := connects(ctx, w, workers, s.Window)
	if err != nil {
		return Work{}, err
	}
	done := Work{Done: n, Took: time.Since(from)}
	if err := Pause(ctx, settle); err != nil {
		return Work{}, err
	}
	after, err := m()
	done.CPU = after - before
	return done, err
}

// connects does so for a while, ends all, and returns how many there were.
func connects(ctx context.Context, w *Way, workers int, d time.Duration) (int64, error) {
	var done atomic.Int64
	var first firstError
	var running sync.WaitGroup
	end := time.Now().Add(d)
	for range workers {
		running.Go(func() { // ends with the time, or with the first error of any
			for time.Now().Before(end) && first.get() == nil {
				if _, err := w.once(ctx); err != nil {
					first.set(err)
					return
				}
				done.Add(1)
			}
		})
	}
	running.Wait()
	return done.Load(), first.get()
}

// once opens a tunnel, has a byte echoed and closes it. It returns the time until
// the byte was there.
func (w *Way) once(ctx context.Context) (time.Duration, error) {
	from := time.Now()
	c, err := w.dialUsed(ctx)
	if err != nil {
		return 0, err
	}
	took := time.Since(from)
	return took, c.Close()
}

// Arrivals opens tunnels at a rate a second, whether or not those before have
// come to an end, and returns how long each took until its first byte was echoed,
// in order of size.
func Arrivals(ctx context.Context, w *Way, rate int, window time.Duration) ([]time.Duration, error) {
	n := int(window.Seconds() * float64(rate))
	times := make([]time.Duration, n)
	var first firstError
	var running sync.WaitGroup
	defer running.Wait()
	due := time.NewTicker(time.Second / time.Duration(rate))
	defer due.Stop()
	for i := range n {
		select {
		case <-due.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		running.Go(func() { // ends within the patience of an app
			var err error
			if times[i], err = w.once(ctx); err != nil {
				first.set(err)
			}
		})
	}
	running.Wait()
	slices.Sort(times)
	return times, first.get()
}

// firstError keeps the first of the errors of several goroutines.
type firstError struct{ err atomic.Pointer[error] }

func (f *firstError) set(err error) { f.err.CompareAndSwap(nil, &err) }

func (f *firstError) get() error {
	if err := f.err.Load(); err != nil {
		return *err
	}
	return nil
}
