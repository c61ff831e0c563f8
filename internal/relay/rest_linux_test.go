package relay_test

import (
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/relay"
)

// waiting returns how many goroutines directions of tunnels have.
func waiting() int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "relay.(*flow).relay(")
}

// A tunnel at which nothing happens has no goroutine, and goes on when something
// does.
func TestTLSAndPlainTunnelAtRestHoldsNoGoroutine(t *testing.T) {
	forEachMode(t, func(t *testing.T, client, target pairFunc) {
		if strings.HasSuffix(t.Name(), "Opaque") || strings.HasSuffix(t.Name(), "Restless") {
			return // has to wait on one
		}
		var all []*joined
		for range 20 {
			all = append(all, join(t, client, target))
		}
		for range 3 {
			for _, j := range all {
				exchange(t, j, 1<<10)
			}
			waitFor(t, "all at rest", func() bool { return waiting() == 0 })
		}
		if at := relay.AtRest(); at != 2*len(all) {
			t.Errorf("%d directions are at rest, want %d", at, 2*len(all))
		}
		for _, j := range all {
			j.app.Close()
			j.origin.Close()
			j.wait(t)
		}
		if at := relay.AtRest(); at != 0 {
			t.Errorf("%d directions are at rest after their tunnels", at)
		}
	})
}

// Where the system has no place to rest, directions wait on goroutines.
func TestTunnelThatCannotRest(t *testing.T) {
	defer relay.CloseLobby()()
	for _, m := range modes[:2] {
		j := &joined{ended: make(chan error, 1)}
		tunnel := &relay.Tunnel{}
		j.app, tunnel.Client = m.client(t)
		j.origin, tunnel.Target = m.target(t)
		relay.Rest(tunnel, time.Nanosecond)
		j.run(t, tunnel)
		for range 3 {
			exchange(t, j, 1<<10)
		}
		if relay.AtRest() != 0 {
			t.Errorf("%s: at rest where that cannot be", m.name)
		}
		j.app.Close()
		if _, err := j.origin.Read(make([]byte, 1)); err == nil {
			t.Errorf("%s: got a byte after the end", m.name)
		}
	}
}

// The stream that ends while its direction is at rest has its end handed on, and so
// has one that is broken off.
func TestEndAtRest(t *testing.T) {
	for name, end := range map[string]func(j *joined){
		"end":   func(j *joined) { relay.CloseWrite(j.app) },
		"abort": func(j *joined) { relay.Abort(j.app) },
		"ended": func(j *joined) { j.cancel(io.ErrNoProgress) },
	} {
		j := join(t, tcpPair, tcpPair)
		exchange(t, j, 1<<10)
		waitFor(t, "at rest", func() bool { return relay.AtRest() == 2 })
		end(j)
		if n, err := j.origin.Read(make([]byte, 1)); n != 0 || (err == io.EOF) != (name == "end") {
			t.Errorf("%s: the far side reads %d bytes and %v", name, n, err)
		}
		j.origin.Close()
		if err := j.wait(t); (err == nil) != (name == "end") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// Events that come at once are all heard of, though nothing else happens then.
func TestNoEventIsLost(t *testing.T) {
	var all []*joined
	for range 4 {
		all = append(all, join(t, resting(tcpPair, time.Nanosecond), tcpPair))
	}
	for round := range 1000 {
		var told sync.WaitGroup
		for _, j := range all {
			for _, way := range [][2]net.Conn{{j.app, j.origin}, {j.origin, j.app}} {
				told.Go(func() { // ends by the deadline
					way[1].SetReadDeadline(time.Now().Add(10 * time.Second))
					way[0].Write([]byte{1})
					if _, err := io.ReadFull(way[1], make([]byte, 1)); err != nil {
						t.Errorf("round %d: %v", round, err)
					}
				})
			}
		}
		told.Wait()
		if t.Failed() {
			return
		}
	}
}
