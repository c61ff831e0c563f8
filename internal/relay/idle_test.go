package relay_test

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/socksctl/socksctl/internal/relay"
)

func TestIdleCountsBothDirections(t *testing.T) {
	for _, upwards := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			app, client := memoryPair(t)
			origin, target := memoryPair(t)
			ended := make(chan error, 1)
			tunnel := &relay.Tunnel{Client: client, Target: target, Idle: time.Minute}
			go func() { ended <- tunnel.Run(context.Background()) }()

			from, to := app, origin
			if !upwards {
				from, to = to, from
			}
			for range 10 { // traffic one way, 50 s apart
				time.Sleep(50 * time.Second)
				from.Write([]byte("x"))
				if _, err := io.ReadFull(to, make([]byte, 1)); err != nil {
					t.Fatalf("upwards %v: %v", upwards, err)
				}
			}
			last := time.Now()
			if err := <-ended; err != relay.ErrIdle {
				t.Errorf("upwards %v: got %v, want %v", upwards, err, relay.ErrIdle)
			}
			if after := time.Since(last); after != time.Minute {
				t.Errorf("upwards %v: ended after %v, want 1m", upwards, after)
			}
			app.Close()
			origin.Close()
		})
	}
}

// Two directions look at the clock, and the one that looked first may be the last to
// say so.
func TestTrafficDoesNotGoBack(t *testing.T) {
	var active atomic.Int64
	i := relay.Idle{Active: &active}
	now := time.Now()
	for _, at := range []time.Time{now, now.Add(-time.Second), now.Add(time.Second), now} {
		i.TouchAt(at)
	}
	if got, want := active.Load(), now.Add(time.Second).UnixNano(); got != want {
		t.Errorf("got %d, want %d", got, want)
	}
	back := now.Add(-time.Hour) // the clock was set
	i.TouchAt(back)
	if got, want := active.Load(), back.UnixNano(); got != want {
		t.Errorf("an hour back: got %d, want %d", got, want)
	}
}

func TestWithoutIdleATunnelWaitsForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, client := memoryPair(t)
		origin, target := memoryPair(t)
		ended := make(chan error, 1)
		go func() { ended <- (&relay.Tunnel{Client: client, Target: target}).Run(t.Context()) }()
		select {
		case err := <-ended:
			t.Errorf("ended: %v", err)
		case <-time.After(1000 * time.Hour):
		}
		app.Close()
		<-ended
		origin.Close()
	})
}
