package shape_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/internal/relay"
	"github.com/socksctl/socksctl/internal/shape"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	_ relay.Shaper = (*shape.Bandwidth)(nil)
	_ relay.Shaper = shape.Way{}
)

// world is a second after another in which streams and datagrams compete, on the
// clock of synctest.
type world struct {
	*testing.T
	ctx  context.Context
	stop context.CancelFunc
	all  sync.WaitGroup
}

// inWorld runs f in a world, and ends what f has started.
func inWorld(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t}
		w.ctx, w.stop = context.WithCancel(t.Context())
		f(w)
		w.stop()
		w.all.Wait()
	})
}

// flow is something that moves bytes for as long as it may.
type flow struct {
	mu    sync.Mutex
	bytes int
	stop  context.CancelFunc
}

func (f *flow) add(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bytes += n
}

// got returns how many bytes it has moved since it was last asked.
func (f *flow) got() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, f.bytes = f.bytes, 0
	return n
}

// start starts a flow that calls step until that fails.
func (w *world) start(step func(ctx context.Context) (n int, err error)) *flow {
	f := &flow{}
	ctx, stop := context.WithCancel(w.ctx)
	f.stop = stop
	w.all.Go(func() { // ends with the world, or with its flow
		for {
			n, err := step(ctx)
			if err != nil {
				return
			}
			f.add(n)
		}
	})
	return f
}

// stream starts a stream that always has more to move.
func (w *world) stream(s relay.Shaper) *flow {
	return w.start(func(ctx context.Context) (int, error) {
		n := s.Most()
		if n == 0 {
			n = 1 << 20
			time.Sleep(time.Millisecond)
		}
		return n, s.Wait(ctx, n)
	})
}

// datagrams starts a flow that offers a datagram of a size each interval.
func (w *world) datagrams(s interface{ Allow(n int) bool }, size int, interval time.Duration) *flow {
	return w.start(func(ctx context.Context) (int, error) {
		time.Sleep(interval)
		if !s.Allow(size) {
			return 0, ctx.Err()
		}
		return size, ctx.Err()
	})
}

// within checks that got is within percent of want.
func (w *world) within(what string, got, want, percent int) {
	w.Helper()
	if off := max(got-want, want-got); off*100 > want*percent {
		w.Errorf("%s: got %d, want %d within %d%%", what, got, want, percent)
	}
}
