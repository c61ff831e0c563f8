package relay_test

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/socksctl/socksctl/internal/relay"
)

// turns is a Shaper that keeps the books, and makes those who wait wait until
// gate is closed, if there is one.
type turns struct {
	most    atomic.Int64
	calls   atomic.Int64
	bytes   atomic.Int64
	longest atomic.Int64
	waiting atomic.Int64
	gate    chan struct{}
}

func newTurns(most int) *turns {
	s := &turns{}
	s.most.Store(int64(most))
	return s
}

// closedTurns is a Shaper that lets nothing pass.
func closedTurns(most int) *turns {
	s := newTurns(most)
	s.gate = make(chan struct{})
	return s
}

func (s *turns) Most() int { return int(s.most.Load()) }

func (s *turns) Wait(ctx context.Context, n int) error {
	s.calls.Add(1)
	s.waiting.Add(1)
	defer s.waiting.Add(-1)
	if s.gate != nil {
		select {
		case <-s.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.bytes.Add(int64(n))
	s.longest.Store(max(s.longest.Load(), int64(n))) // one direction, one goroutine
	return nil
}

// check checks that all of size passed in turn, no more than most at once.
func (s *turns) check(t *testing.T, way string, size, most int) {
	t.Helper()
	if got := s.bytes.Load(); got != int64(size) {
		t.Errorf("%s: %d bytes waited for their turn, want %d", way, got, size)
	}
	if got, want := s.calls.Load(), int64(size/most); got < want {
		t.Errorf("%s: got %d waits, want at least %d", way, got, want)
	}
	if got := s.longest.Load(); got > int64(most) {
		t.Errorf("%s: %d bytes passed at once, want %d at most", way, got, most)
	}
}

// joinShaped is join with shapers, either of which may be nil.
func joinShaped(t testing.TB, client, target pairFunc, up, down relay.Shaper) *joined {
	t.Helper()
	j := &joined{ended: make(chan error, 1)}
	tunnel := &relay.Tunnel{Up: &j.up, Down: &j.down, ShapeUp: up, ShapeDown: down}
	j.app, tunnel.Client = client(t)
	j.origin, tunnel.Target = target(t)
	j.run(t, tunnel)
	return j
}

func TestTLSAndPlainShapedBothWays(t *testing.T) {
	const size, most = 1 << 20, 10_000
	forEachMode(t, func(t *testing.T, client, target pairFunc) {
		up, down := newTurns(most), newTurns(2*most)
		j := joinShaped(t, client, target, up, down)
		results := make(chan error, 4)
		go func() { results <- send(j.app, 1, size) }()
		go func() { results <- send(j.origin, 2, size) }()
		go func() { results <- receive(j.origin, 1, size) }()
		go func() { results <- receive(j.app, 2, size) }()
		for range 4 {
			if err := <-results; err != nil {
				t.Error(err)
				j.cancel(err)
			}
		}
		if err := j.wait(t); err != nil {
			t.Errorf("got %v, want nil", err)
		}
		up.check(t, "up", size, most)
		down.check(t, "down", size, 2*most)
		checkReturned(t)
	})
}

func TestPipeShaped(t *testing.T) {
	const size, most = 1 << 20, 10_000
	up := newTurns(most)
	j := joinShaped(t, memoryPair, memoryPair, up, nil)
	sent := make(chan error, 1)
	go func() { sent <- send(j.app, 1, size) }() // ends by closing the app's end
	if err := receive(j.origin, 1, size); err != nil {
		t.Error(err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	j.origin.Close()
	j.wait(t)
	up.check(t, "up", size, most)
	checkReturned(t)
}

func TestShapedEarlyBytes(t *testing.T) {
	const most = 1000
	up := newTurns(most)
	j := &joined{ended: make(chan error, 1)}
	tunnel := &relay.Tunnel{Early: make([]byte, 4500), ShapeUp: up}
	j.app, tunnel.Client = tcpPair(t)
	j.origin, tunnel.Target = tcpPair(t)
	j.run(t, tunnel)
	if _, err := io.ReadFull(j.origin, make([]byte, 4500)); err != nil {
		t.Error(err)
	}
	up.check(t, "up", 4500, most)
	if got := up.calls.Load(); got != 5 {
		t.Errorf("got %d waits, want 5", got)
	}
}

// A limit may come and go while a tunnel runs.
func TestTLSAndPlainShaperChanges(t *testing.T) {
	forEachMode(t, func(t *testing.T, client, target pairFunc) {
		both := newTurns(0)
		j := joinShaped(t, client, target, both, nil)
		pass := func() {
			t.Helper()
			go j.app.Write(make([]byte, 100_000))
			if _, err := io.ReadFull(j.origin, make([]byte, 100_000)); err != nil {
				t.Fatal(err)
			}
		}
		pass()
		if got := both.calls.Load(); got != 0 {
			t.Errorf("without a limit: got %d waits, want 0", got)
		}
		both.most.Store(5000)
		j.app.Write(make([]byte, 1)) // what was waited for without a limit is taken without one
		io.ReadFull(j.origin, make([]byte, 1))
		before := both.bytes.Load()
		pass()
		if got := both.bytes.Load() - before; got != 100_000 {
			t.Errorf("with a limit: %d bytes waited for their turn, want 100000", got)
		}
		both.most.Store(0)
		j.app.Write(make([]byte, 1))
		io.ReadFull(j.origin, make([]byte, 1))
		calls := both.calls.Load()
		pass()
		if got := both.calls.Load() - calls; got != 0 {
			t.Errorf("with the limit gone: got %d waits, want 0", got)
		}
	})
}

// Whatever ends a tunnel ends the waits of its directions.
func TestTLSAndPlainEndsWhileWaiting(t *testing.T) {
	reason := errors.New("told to")
	forEachMode(t, func(t *testing.T, client, target pairFunc) {
		for _, way := range []string{"canceled", "reset"} {
			down := closedTurns(5000)
			j := joinShaped(t, client, target, nil, down)
			io.WriteString(j.origin, "never delivered")
			waitFor(t, "a wait", func() bool { return down.waiting.Load() == 1 })
			if way == "canceled" {
				j.cancel(reason)
				if err := j.wait(t); err != reason {
					t.Errorf("%s: got %v, want %v", way, err, reason)
				}
				continue
			}
			if j.app.LocalAddr().Network() == "unix" {
				continue // has no reset
			}
			relay.Abort(j.app)
			checkError(t, j.wait(t), "client", "read")
		}
		checkReturned(t)
	})
}

// What was received before a failure is delivered in turn as well.
func TestTLSAndPlainShapedDeliveryBeforeReset(t *testing.T) {
	const size, most = 500_000, 10_000
	forEachMode(t, func(t *testing.T, client, target pairFunc) {
		down := newTurns(most)
		j := joinShaped(t, client, target, nil, down)
		go func() {
			j.origin.Write(make([]byte, size))
			waitAcknowledged(j.origin)
			relay.Abort(j.origin)
		}()
		if n, err := io.Copy(io.Discard, j.app); n != size || err == nil && j.app.LocalAddr().Network() != "unix" {
			t.Errorf("got %d bytes and %v, want %d and a reset", n, err, size)
		}
		checkError(t, j.wait(t), "target", "read")
		down.check(t, "down", size, most)
		checkReturned(t)
	})
}

// Bytes that may not pass before lingering is over are given up.
func TestShapedDirectionLingers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, client := memoryPair(t)
		origin, target := memoryPair(t)
		down := closedTurns(5000)
		ended := make(chan error, 1)
		tunnel := &relay.Tunnel{Client: client, Target: target, ShapeDown: down}
		go func() { ended <- tunnel.Run(context.Background()) }()
		origin.Write([]byte("waits"))
		synctest.Wait()
		origin.Close()
		begun := time.Now()
		app.Write([]byte("fails"))
		checkError(t, <-ended, "target", "write")
		if after := time.Since(begun); after != relay.Lingering {
			t.Errorf("ended after %v, want %v", after, relay.Lingering)
		}
		app.Close()
	})
}

// A direction that may not go on is not idle, for as long as that takes.
func TestWaitingIsNotIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, client := memoryPair(t)
		origin, target := memoryPair(t)
		up := closedTurns(5000)
		ended := make(chan error, 1)
		tunnel := &relay.Tunnel{Client: client, Target: target, Idle: time.Minute, ShapeUp: up}
		go func() { ended <- tunnel.Run(context.Background()) }()
		app.Write([]byte("x"))
		time.Sleep(time.Hour)
		close(up.gate)
		if _, err := io.ReadFull(origin, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		last := time.Now()
		if err := <-ended; err != relay.ErrIdle {
			t.Errorf("got %v, want %v", err, relay.ErrIdle)
		}
		if after := time.Since(last); after != time.Minute {
			t.Errorf("ended after %v, want 1m", after)
		}
		app.Close()
		origin.Close()
	})
}
