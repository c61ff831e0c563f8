package client

import (
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// A host that has slept for long did not notice how old a connection got: its
// timers stood still, and the proxy is long gone.
func TestClaimAfterSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for slept, want := range map[time.Duration]bool{0: true, time.Hour: false} {
			near, far := net.Pipe()
			defer near.Close()
			defer far.Close()
			w := &warmed{
				s:     &session{raw: near, conn: near},
				since: time.Now().Add(-slept).Round(0), over: make(chan struct{}),
			}
			go w.wait()
			synctest.Wait()
			if got := w.claim(time.Minute) != nil; got != want {
				t.Errorf("after %v: got %v, want %v", slept, got, want)
			}
		}
	})
}
