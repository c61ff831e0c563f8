package traffic

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Busy is how datagrams are sent: by so many associations, each with a window of
// datagrams under way, of which it sends some together.
type Busy struct {
	Associations, Window, Together int

	Idle int // more associations, each of which had one datagram
}

// Datagrams has datagrams echoed, and counts each twice: a proxy moves it there
// and back. It tells how many had no answer too.
func Datagrams(ctx context.Context, w *Way, b Busy, s Span, m Meter) (work Work, lost int64, err error) {
	var running sync.WaitGroup
	defer running.Wait()
	var answers, unanswered atomic.Int64
	for range b.Idle {
		a, err := w.associate(ctx, 1)
		if err != nil {
			return work, 0, err
		}
		defer a.close()
		if err := a.ping(); err != nil {
			return work, 0, err
		}
	}
	for range b.Associations {
		a, err := w.associate(ctx, b.Together)
		if err != nil {
			return work, 0, err
		}
		defer a.close()
		running.Go(func() { a.keep(b.Window, &answers, &unanswered) }) // ends when a is closed
	}
	work, err = observe(ctx, &answers, s, m)
	work.Done *= 2
	return work, unanswered.Load(), err
}

// DatagramPings has one datagram after the other echoed, and returns how long each
// took, in order of size.
func DatagramPings(ctx context.Context, w *Way, s Span) ([]time.Duration, error) {
	a, err := w.associate(ctx, 1)
	if err != nil {
		return nil, err
	}
	defer a.close()
	return repeat(ctx, s, a.ping)
}
