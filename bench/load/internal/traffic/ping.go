package traffic

import (
	"context"
	"slices"
	"time"
)

// Pings has one byte after the other echoed through a tunnel, and returns how
// long each took, in order of size.
func Pings(ctx context.Context, w *Way, s Span) ([]time.Duration, error) {
	c, err := w.dialUsed(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	one := make([]byte, 1)
	return repeat(ctx, s, func() error { return ping(c, one) })
}

// repeat does something for a while and returns how long each time of the window
// took, in order of size.
func repeat(ctx context.Context, s Span, do func() error) ([]time.Duration, error) {
	var times []time.Duration
	start := time.Now()
	for end := start.Add(s.Ramp + s.Window); ; {
		from := time.Now()
		if !from.Before(end) {
			break
		}
		if err := do(); err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if from.Sub(start) >= s.Ramp {
			times = append(times, time.Since(from))
		}
	}
	slices.Sort(times)
	return times, nil
}

// sample does something n times and returns how long each took, in order of size.
func sample(n int, do func() (time.Duration, error)) ([]time.Duration, error) {
	times := make([]time.Duration, n)
	for i := range times {
		var err error
		if times[i], err = do(); err != nil {
			return nil, err
		}
	}
	slices.Sort(times)
	return times, nil
}

// Percentile returns the p-th percentile of times in order of size, and 0 of none.
func Percentile(times []time.Duration, p float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	return times[int(float64(len(times)-1)*p/100+0.5)]
}
