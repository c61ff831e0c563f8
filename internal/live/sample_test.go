package live_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/internal/live"
)

// Rates are of the last two seconds, of each session and of all: what a session
// moved before its end counts.
func TestSamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := live.NewTable()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- l.Run(ctx) }()
		synctest.Wait()
		begin := time.Now()
		one, two := made(1, "", "", "", 0), made(2, "", "", "", 0)
		l.Opened(one)
		one.BytesUp.Store(4000)
		tick := func() { time.Sleep(2 * time.Second); synctest.Wait() }
		tick()
		two.Start = time.Now().Add(time.Second)
		l.Opened(two)
		two.BytesDown.Store(500)
		one.BytesUp.Store(5000)
		tick()
		if s, _ := l.Get(1); s.RateUp != 500 || s.RateDown != 0 {
			t.Errorf("got %d up, %d down, want 500, 0", s.RateUp, s.RateDown)
		}
		if s, _ := l.Get(2); s.RateDown != 500 { // it is a second old
			t.Errorf("got %d down, want 500", s.RateDown)
		}
		one.BytesUp.Store(7000)
		l.Closed(one)
		tick()
		at := func(seconds time.Duration) time.Time { return begin.Add(seconds * time.Second) }
		want := []live.Sample{
			{At: at(2), Up: 2000, Sessions: 1}, {At: at(4), Up: 500, Down: 250, Sessions: 2}, {At: at(6), Up: 1000, Sessions: 1},
		}
		if diff := cmp.Diff(want, l.Samples()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		time.Sleep(time.Hour)
		all := l.Samples()
		if first, last := all[0].At, all[len(all)-1].At; len(all) != 150 || last.Sub(first) != 149*2*time.Second {
			t.Errorf("got %d samples from %v to %v, want those of five minutes", len(all), first, last)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
