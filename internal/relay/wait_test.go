package relay_test

import (
	"sync/atomic"
	"testing"
	"time"
)

// waitStill waits until the counter has moved and then stood still.
func waitStill(t *testing.T, n *atomic.Int64) {
	t.Helper()
	last, still := int64(0), 0
	for by := time.Now().Add(20 * time.Second); still < 10; time.Sleep(20 * time.Millisecond) {
		now := n.Load()
		if still++; now != last || now == 0 {
			last, still = now, 0
		}
		if time.Now().After(by) {
			t.Fatal("the counter does not come to rest")
		}
	}
}

// waitFor waits until the condition holds.
func waitFor(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for by := time.Now().Add(20 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(by) {
			t.Fatalf("%s: not after 20 s", what)
		}
	}
}
