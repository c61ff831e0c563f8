package forwarder_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/proxy"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/forwarder"
	"github.com/socksctl/socksctl/internal/sockstest/faraway"
	"github.com/socksctl/socksctl/server"
)

// way is how long it takes to a distant server, one way.
const way = 50 * time.Millisecond

// distant is a real server with mutual TLS that is some way off.
type distant struct {
	*faraway.Network
	*server.Server
	served chan error
	unused struct {
		sync.Mutex
		n int // sessions that nothing was asked on
	}
}

func (d *distant) Opened(*server.Session) {}
func (d *distant) Closed(s *server.Session) {
	d.unused.Lock()
	defer d.unused.Unlock()
	if s.Stage() == server.StageRequest {
		d.unused.n++
	}
}

// wasted returns how many sessions nothing was asked on.
func (d *distant) wasted() int {
	d.unused.Lock()
	defer d.unused.Unlock()
	return d.unused.n
}

// startDistant serves until the test ends. Its targets are an echo beside it.
func startDistant(t *testing.T, k keys, limits server.Limits) *distant {
	d := &distant{Network: faraway.New(way), served: make(chan error, 1)}
	d.Server = &server.Server{TLS: k.config(t, true), Observer: d, Outbound: echoing{}, Limits: limits}
	go func() { d.served <- d.ServeTLS(d.Network) }() // ends with end
	t.Cleanup(d.end)
	return d
}

func (d *distant) end() {
	d.Server.Close()
	if err := <-d.served; errors.Is(err, server.ErrServerClosed) {
		d.served <- err // for who ends it again
	}
}

// dialer returns a Dialer to d.
func (d *distant) dialer(t *testing.T, k keys, name string) *client.Dialer {
	return &client.Dialer{Address: name + ":1443", TLS: k.certified(t), Forward: d.Network}
}

// echoing is a way out to an echo.
type echoing struct{ server.Outbound }

func (echoing) DialContext(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	go func() { // ends when either end is closed
		defer far.Close()
		io.Copy(far, far)
	}()
	return near, nil
}

// keepWarm has s keep connections until stop is called or the test ends.
func keepWarm(t *testing.T, s *forwarder.Servers, most int) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.KeepWarm(ctx, client.Warm{Most: most}) }()
	synctest.Wait()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("KeepWarm returned %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// local serves a forwarder through s, on this host, and returns a way through it.
func local(t *testing.T, s *forwarder.Servers) *client.Dialer {
	l, f, served := faraway.New(0), forwarder.New(s), make(chan error, 1)
	go func() { served <- f.Serve(l) }() // ends with Close
	t.Cleanup(func() {
		f.Close()
		if err := <-served; !errors.Is(err, server.ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
	})
	return &client.Dialer{Address: "near:1080", Forward: l}
}

// together opens n connections at a time, has a byte echoed on each and closes
// them. It returns how many failed.
func together(t *testing.T, d proxy.ContextDialer, n int) (failed int) {
	errs := make(chan error, n)
	for range n {
		go func() { errs <- oneByte(t, d) }() // ends with its connection
	}
	for range n {
		if err := <-errs; err != nil {
			failed++
		}
	}
	return failed
}

func oneByte(t *testing.T, d proxy.ContextDialer) error {
	c, err := d.DialContext(t.Context(), "tcp", "host.test:80")
	if err != nil {
		return err
	}
	defer c.Close()
	return alive(c)
}

// warmth returns how many warm connections each server has.
func warmth(s *forwarder.Servers) (all []int) {
	for _, status := range s.Status() {
		all = append(all, status.Warm)
	}
	return all
}

// The first byte through a forwarder takes as long as through a plain SOCKS
// connection that is open already: a round trip for the request, and one for what
// follows it. Without warm connections it takes two more, of TCP and of TLS.
func TestWarmTimeToFirstByteMutualTLS(t *testing.T) {
	for name, test := range map[string]struct {
		most  int
		trips time.Duration
	}{"cold": {0, 4}, "warm": {8, 2}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newKeys(t)
				d := startDistant(t, k, server.Limits{})
				s := forwarder.NewServers(d.dialer(t, k, "a"))
				if test.most > 0 {
					keepWarm(t, s, test.most)
				}
				run(t, s)
				time.Sleep(time.Second)
				near := local(t, s)
				for range 10 {
					begin := time.Now()
					if err := oneByte(t, near); err != nil {
						t.Error(err)
					}
					if took := time.Since(begin); took != test.trips*2*way {
						t.Errorf("took %v, want %d round trips of %v", took, test.trips, 2*way)
					}
					time.Sleep(time.Second)
				}
			})
		})
	}
}

// A server that cannot be reached has no warm connections left, and one that
// is no longer among the servers neither. What is open goes on.
func TestWarmFollowsServersMutualTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeys(t)
		a, b := startDistant(t, k, server.Limits{}), startDistant(t, k, server.Limits{})
		first, second := a.dialer(t, k, "a"), b.dialer(t, k, "b")
		s := forwarder.NewServers(first, second)
		s.Balance = forwarder.RoundRobin
		stop := keepWarm(t, s, 8)
		want := func(most ...int) {
			t.Helper()
			time.Sleep(time.Second)
			if got := warmth(s); !slices.Equal(got, most) {
				t.Errorf("warm connections: got %v, want %v", got, most)
			}
		}
		together(t, s, 8)
		want(7, 7)
		open, err := s.DialContext(t.Context(), "tcp", "host.test:80") // by a
		if err != nil {
			t.Fatal(err)
		}
		defer open.Close()
		a.Network.Close() // no more connections, and those that there are go on
		want(6, 7)
		s.DropWarm()
		want(0, 0)
		if failed := together(t, s, 4); failed > 0 {
			t.Errorf("%d failed", failed)
		}
		want(0, 7)
		if err := alive(open); err != nil {
			t.Error(err)
		}
		s.Set(forwarder.Server{Dialer: first})
		time.Sleep(time.Second)
		if second.Warm() != 0 {
			t.Error("a server that is gone has warm connections")
		}
		s.Set(forwarder.Server{Dialer: second})
		synctest.Wait()
		together(t, s, 4)
		want(7)
		stop()
		together(t, s, 4)
		want(0)
	})
}

// Two forwarders of one user that together want more than the server keeps for it
// do not have each other's connections ended all the time.
func TestWarmIsSharedMutualTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeys(t)
		const most = 8 // for one user
		d := startDistant(t, k, server.Limits{WarmUser: most})
		var both [2]*forwarder.Servers
		for i := range both {
			both[i] = forwarder.NewServers(d.dialer(t, k, "a"))
			keepWarm(t, both[i], most)
		}
		const rounds = 6
		for range rounds {
			for _, s := range both {
				if failed := together(t, s, 6); failed > 0 {
					t.Errorf("%d requests failed", failed)
				}
				time.Sleep(time.Second)
			}
		}
		if got := d.wasted(); got > 2*rounds {
			t.Errorf("%d connections were made for nothing, for %d requests", got, 2*rounds*6)
		}
	})
}

// A forwarder keeps up when the server is killed and comes back: no request fails
// that begins when the server is there.
func TestWarmThroughARestartMutualTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeys(t)
		a, b := startDistant(t, k, server.Limits{}), startDistant(t, k, server.Limits{})
		s := forwarder.NewServers(a.dialer(t, k, "a"), b.dialer(t, k, "b"))
		keepWarm(t, s, 8)
		run(t, s)
		if failed := together(t, s, 5); failed > 0 {
			t.Errorf("%d failed", failed)
		}
		time.Sleep(time.Second)
		if got := warmth(s); got[0] != 8 {
			t.Fatalf("warm connections: got %v, want 8 and those of checks", got)
		}
		a.end()
		if failed := together(t, s, 8); failed > 0 {
			t.Errorf("%d failed while the first server went", failed)
		}
		time.Sleep(time.Second)
		if got := warmth(s); got[0] != 0 || got[1] != 8 {
			t.Errorf("warm connections: got %v, want 0 and 8", got)
		}
	})
}
