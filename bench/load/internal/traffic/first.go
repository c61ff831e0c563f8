package traffic

import (
	"context"
	"time"
)

// FirstBytes tells how long it takes from the wish to reach an origin until its
// first byte is there, n times, in order of size. Between two a proxy has some time
// to prepare.
func FirstBytes(ctx context.Context, w *Way, n int, between time.Duration) ([]time.Duration, error) {
	return sample(n, func() (time.Duration, error) {
		if err := Pause(ctx, between); err != nil {
			return 0, err
		}
		return w.firstByte(ctx)
	})
}

func (w *Way) firstByte(ctx context.Context) (time.Duration, error) {
	if !w.Opened {
		return w.once(ctx)
	}
	c, err := w.Connect(ctx)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	from := time.Now()
	if err := w.request(c); err != nil {
		return 0, err
	}
	err = use(c)
	return time.Since(from), err
}
