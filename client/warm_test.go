package client_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/internal/sockstest/faraway"
)

// way is how long it takes to the far proxy, one way.
const way = 50 * time.Millisecond

// farProxy is a proxy far away. It answers every request, unless deaf says that it
// hangs up on the n-th instead, and keeps what it is asked on open.
type farProxy struct {
	*faraway.Network
	config *tls.Config
	deaf   func(request int) bool // nil: on none
	says   string                 // the reply; empty is yes

	mu       sync.Mutex
	open     map[net.Conn]bool // logged in, and waiting for a request
	most     int               // of open
	lived    time.Duration     // the longest in open
	logins   int
	requests int
}

// startFar serves a farProxy until the test ends.
func startFar(t *testing.T, config *tls.Config) *farProxy {
	p := &farProxy{Network: faraway.New(way), config: config, open: make(map[net.Conn]bool)}
	go func() { // ends with the listener
		for {
			c, err := p.Accept()
			if err != nil {
				return
			}
			go p.serve(c) // ends with the conn
		}
	}()
	t.Cleanup(func() {
		p.Network.Close()
		p.hangUp()
		time.Sleep(time.Minute) // all that is under way arrives
		synctest.Wait()
	})
	return p
}

func (p *farProxy) serve(raw net.Conn) {
	defer raw.Close()
	c := tls.Server(raw, p.config)
	defer c.Close()
	method, err := socks5.ReadGreeting(c)
	if err != nil {
		return
	}
	if method[0] == socks5.MethodPassword || len(method) > 1 {
		io.WriteString(c, takeLogin)
		if _, _, err := socks5.ReadLogin(c); err != nil {
			return
		}
		io.WriteString(c, loginOK)
	} else {
		io.WriteString(c, takeNone)
	}
	req, err := p.await(c)
	if err != nil || p.count(req) {
		return
	}
	io.WriteString(c, cmp.Or(p.says, replyOK))
	io.Copy(c, c)
}

// await reads a request.
func (p *farProxy) await(c net.Conn) (socks5.Request, error) {
	begin := time.Now()
	p.mu.Lock()
	p.logins++
	p.open[c] = true
	p.most = max(p.most, len(p.open))
	p.mu.Unlock()
	req, err := socks5.ReadRequest(c)
	p.mu.Lock()
	delete(p.open, c)
	p.lived = max(p.lived, time.Since(begin))
	p.mu.Unlock()
	return req, err
}

// count counts a request, and tells whether to hang up.
func (p *farProxy) count(socks5.Request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests++
	return p.deaf != nil && p.deaf(p.requests)
}

// hangUp ends what is waiting.
func (p *farProxy) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		c.(*tls.Conn).NetConn().Close()
	}
}

// counts returns logins and requests, and how many wait for a request.
func (p *farProxy) counts() (logins, requests, waiting int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.logins, p.requests, len(p.open)
}

// extremes returns the most that waited at a time, and how long one did.
func (p *farProxy) extremes() (most int, lived time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.most, p.lived
}

// dialer returns a Dialer with a password to p.
func (p *farProxy) dialer(n *network) *client.Dialer {
	return &client.Dialer{Address: "127.0.0.1:1443", TLS: n.clientConfig(), Forward: p, User: "alice", Password: "secret"}
}

// keepWarm has d keep connections until stop is called or the test ends.
func keepWarm(t *testing.T, d *client.Dialer, w client.Warm) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.KeepWarm(ctx, w) }()
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

// connects opens n connections at a time, and closes them.
func connects(t *testing.T, d *client.Dialer, n int) {
	t.Helper()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			c, err := d.Dial("tcp", "example.org:80")
			if err != nil {
				t.Error(err)
				return
			}
			c.Close()
		})
	}
	wg.Wait()
}

// inBubble runs f on the clock of synctest, with certificates of its time.
func inBubble(t *testing.T, f func(t *testing.T, n *network)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newNetwork(t)) })
}

// A cold connection costs what TCP and TLS cost, and a round trip; a warm one
// costs the round trip.
func TestWarmRoundTrips(t *testing.T) {
	inBubble(t, func(t *testing.T, n *network) {
		p := startFar(t, ours(n.serverConfig()))
		d := p.dialer(n)
		keepWarm(t, d, client.Warm{})
		trips := func(want time.Duration) net.Conn {
			t.Helper()
			begin := time.Now()
			c, err := d.Dial("tcp", "example.org:80")
			if err != nil {
				t.Fatal(err)
			}
			if got := time.Since(begin); got != want*2*way {
				t.Errorf("got %v, want %d round trips of %v", got, want, 2*way)
			}
			return c
		}
		echo(t, trips(3))
		if got := p.Dialed()[0].Flights(); got != 2+1 { // and that of the echo
			t.Errorf("cold: %d flights, want that of TLS and that of the request", got-1)
		}
		time.Sleep(time.Second)
		if d.Warm() != 2 {
			t.Fatalf("%d warm connections, want 2", d.Warm())
		}
		before := flights(p)
		c := trips(1)
		if got := flights(p) - before; got != 1 {
			t.Errorf("warm: %d flights, want 1", got)
		}
		echo(t, c)
	})
}

// flights returns those of the first three connections: a later one is made to
// replace what is taken.
func flights(p *farProxy) (sum int) {
	for _, c := range p.Dialed()[:3] {
		sum += c.Flights()
	}
	return sum
}

// How many there are follows from how many were taken together; when that is long
// past there are none. None is kept for longer than was said.
func TestWarmIsSizedByUse(t *testing.T) {
	inBubble(t, func(t *testing.T, n *network) {
		const most = 16
		p := startFar(t, ours(n.serverConfig()))
		d := p.dialer(n)
		keepWarm(t, d, client.Warm{Most: most})
		connects(t, d, 1)
		want := func(after time.Duration, least, most int) {
			t.Helper()
			time.Sleep(after)
			if got := d.Warm(); got < least || got > most {
				t.Errorf("%d warm connections, want %d to %d", got, least, most)
			}
			if _, _, waiting := p.counts(); least == most && waiting != d.Warm() {
				t.Errorf("the proxy has %d, the dialer %d", waiting, d.Warm())
			}
		}
		want(time.Second, 2, 2)
		connects(t, d, 6)
		want(2*time.Second, 10, 10)
		connects(t, d, 40)
		want(2*time.Second, most, most)
		for range 10 {
			connects(t, d, 6)
			want(10*time.Second, 6, most) // one may be being replaced
		}
		want(70*time.Second, 5, 5)
		want(10*time.Minute, 0, 0)
		logins, requests, _ := p.counts()
		if unused := logins - requests; unused > 50 {
			t.Errorf("%d of %d connections were not needed", unused, logins)
		}
		if had, lived := p.extremes(); had > most || lived > client.DefaultWarmFor+2*way {
			t.Errorf("the proxy had %d at a time, for %v", had, lived)
		}
	})
}

// None is kept for longer than was said, so that a proxy that waits longer does not
// end it.
func TestWarmIsRetired(t *testing.T) {
	inBubble(t, func(t *testing.T, n *network) {
		p := startFar(t, ours(n.serverConfig()))
		d := p.dialer(n)
		keepWarm(t, d, client.Warm{Most: 4, For: 8 * time.Second})
		for range 10 {
			connects(t, d, 2)
			time.Sleep(7 * time.Second)
		}
		if _, lived := p.extremes(); lived > 8*time.Second+2*way || lived < 6*time.Second {
			t.Errorf("a connection waited for %v, want 6 s to 8 s", lived)
		}
	})
}

// A request on a connection that ends before the reply is made again, once, on a
// new one. A reply that says no is an answer.
func TestWarmRequestIsMadeAgainOnce(t *testing.T) {
	for name, test := range map[string]struct {
		deaf     func(int) bool
		requests int
		ok       bool
	}{
		"once":  {func(n int) bool { return n == 2 }, 3, true},
		"twice": {func(n int) bool { return n >= 2 }, 3, false},
		"never": {nil, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, n *network) {
				p := startFar(t, ours(n.serverConfig()))
				p.deaf = test.deaf
				d := p.dialer(n)
				keepWarm(t, d, client.Warm{})
				connects(t, d, 1)
				time.Sleep(time.Second)
				c, err := d.Dial("tcp", "example.org:80")
				if _, requests, _ := p.counts(); requests != test.requests || (err == nil) != test.ok {
					t.Fatalf("%d requests, %v; want %d", requests, err, test.requests)
				}
				if err != nil {
					wantProxyError(t, err, "request")
					return
				}
				echo(t, c)
			})
		})
	}
}

// What the proxy refuses is refused, and not asked again.
func TestWarmRefusalIsAnAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T, n *network) {
		p := startFar(t, ours(n.serverConfig()))
		p.says = "\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00"
		d := p.dialer(n)
		keepWarm(t, d, client.Warm{})
		for want := 1; want <= 2; want++ {
			if _, err := d.Dial("tcp", "example.org:80"); !errors.Is(err, socks5.NotAllowed) {
				t.Errorf("got %v, want a refusal", err)
			}
			if _, requests, _ := p.counts(); requests != want {
				t.Errorf("%d requests, want %d", requests, want)
			}
			time.Sleep(time.Second)
		}
	})
}

// A connection that the proxy ends is let go of at once, and no other is made
// for it before there is a request. For a while it is not asked for many.
func TestWarmThatTheProxyEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, n *network) {
		p := startFar(t, ours(n.serverConfig()))
		d := p.dialer(n)
		keepWarm(t, d, client.Warm{})
		connects(t, d, 6)
		time.Sleep(2 * time.Second)
		before, _, _ := p.counts()
		p.hangUp()
		time.Sleep(way)
		synctest.Wait()
		if d.Warm() != 0 {
			t.Errorf("%d warm connections, want none", d.Warm())
		}
		time.Sleep(time.Second)
		if after, _, _ := p.counts(); after != before {
			t.Errorf("%d new connections, want none", after-before)
		}
		connects(t, d, 1)
		time.Sleep(time.Second)
		if d.Warm() != 1 {
			t.Errorf("%d warm connections, want 1", d.Warm())
		}
		time.Sleep(client.DefaultWarmFor)
		connects(t, d, 6)
		time.Sleep(time.Second)
		if d.Warm() != 10 {
			t.Errorf("%d warm connections, want 10", d.Warm())
		}
	})
}

// Only a proxy of ours gets any, and only one that knows who this is.
func TestWarmIsNotForAll(t *testing.T) {
	for name, test := range map[string]struct {
		alpn, password, certificate, asked bool
		want                               int
	}{
		"ours, password":            {true, true, false, false, 2},
		"ours, certificate":         {true, false, true, true, 2},
		"ours, nobody":              {true, false, false, false, 0},
		"ours, unasked certificate": {true, false, true, false, 0},
		"ours, asked for nothing":   {true, false, false, true, 0},
		"foreign":                   {false, true, true, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, n *network) {
				config := n.serverConfig()
				if test.alpn {
					ours(config)
				}
				if test.asked {
					config.ClientAuth = tls.RequestClientCert
				}
				p := startFar(t, config)
				d := p.dialer(n)
				if !test.password {
					d.User = ""
				}
				if test.certificate {
					d.TLS.Certificates = []tls.Certificate{*n.client}
				}
				keepWarm(t, d, client.Warm{})
				for range 3 { // the later ones resume the session
					connects(t, d, 1)
					time.Sleep(2 * time.Second)
				}
				if got := d.Warm(); got != test.want {
					t.Errorf("%d warm connections, want %d", got, test.want)
				}
			})
		})
	}
}

// DropWarm closes what is warm and what is being made; the end of KeepWarm does,
// and then no more are made.
func TestWarmIsDropped(t *testing.T) {
	inBubble(t, func(t *testing.T, n *network) {
		p := startFar(t, ours(n.serverConfig()))
		d := p.dialer(n)
		stop := keepWarm(t, d, client.Warm{})
		if err := d.KeepWarm(t.Context(), client.Warm{}); err == nil {
			t.Error("a second KeepWarm did not fail")
		}
		open := dialed(t, d)
		connects(t, d, 6)
		time.Sleep(2 * time.Second)
		connects(t, d, 3)
		time.Sleep(300 * time.Millisecond) // their replacements are being made
		d.DropWarm()
		time.Sleep(time.Second)
		if _, _, waiting := p.counts(); waiting != 0 || d.Warm() != 0 {
			t.Errorf("%d are left, the proxy has %d", d.Warm(), waiting)
		}
		connects(t, d, 1)
		time.Sleep(time.Second)
		if d.Warm() == 0 {
			t.Error("no new warm connections")
		}
		connects(t, d, 3)
		stop()
		time.Sleep(time.Second)
		connects(t, d, 3)
		time.Sleep(time.Second)
		if _, _, waiting := p.counts(); waiting != 0 || d.Warm() != 0 {
			t.Errorf("after the end %d are left, the proxy has %d", d.Warm(), waiting)
		}
		echo(t, open)
		keepWarm(t, d, client.Warm{})
		connects(t, d, 1)
		time.Sleep(time.Second)
		if d.Warm() != 2 {
			t.Errorf("kept again: %d warm connections, want 2", d.Warm())
		}
	})
}

// A connection that a check has opened is kept, in the place of an older one.
func TestWarmByHandshake(t *testing.T) {
	inBubble(t, func(t *testing.T, n *network) {
		p := startFar(t, ours(n.serverConfig()))
		d := p.dialer(n)
		keepWarm(t, d, client.Warm{})
		for range 10 {
			if err := d.Handshake(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(30 * time.Second)
			if _, _, waiting := p.counts(); waiting != 1 || d.Warm() != 1 {
				t.Errorf("%d warm connections, the proxy has %d, want 1", d.Warm(), waiting)
			}
		}
		if logins, _, _ := p.counts(); logins != 10 {
			t.Errorf("%d logins of 10 checks", logins)
		}
		begin := time.Now()
		echo(t, dialed(t, d))
		if took := time.Since(begin); took != 4*way {
			t.Errorf("a request and an echo took %v, want two round trips", took)
		}
	})
}

// While the proxy cannot be reached nothing is tried for stock.
func TestWarmWhileTheProxyIsDown(t *testing.T) {
	inBubble(t, func(t *testing.T, n *network) {
		p := startFar(t, ours(n.serverConfig()))
		d := p.dialer(n)
		keepWarm(t, d, client.Warm{})
		connects(t, d, 6)
		time.Sleep(2 * time.Second)
		p.Network.Close()
		p.hangUp()
		time.Sleep(time.Second)
		before := len(p.Dialed())
		for range 50 {
			if _, err := d.Dial("tcp", "example.org:80"); err == nil {
				t.Fatal("got a connection")
			}
			time.Sleep(time.Second)
		}
		if got := len(p.Dialed()) - before; got > 50+10 {
			t.Errorf("%d attempts for 50 requests", got)
		}
	})
}

// Requests of all three kinds take warm connections.
func TestWarmIsForBINDAndUDP(t *testing.T) {
	inBubble(t, func(t *testing.T, n *network) {
		p := startFar(t, ours(n.serverConfig()))
		d := p.dialer(n)
		keepWarm(t, d, client.Warm{})
		connects(t, d, 1)
		for name, ask := range map[string]func() (io.Closer, error){
			"BIND": func() (io.Closer, error) { return d.Listen(t.Context(), "tcp", "") },
			"UDP":  func() (io.Closer, error) { return d.ListenPacket(t.Context(), "udp", "") },
		} {
			time.Sleep(time.Second)
			begin := time.Now()
			c, err := ask()
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begin); took != 2*way {
				t.Errorf("%s took %v, want a round trip", name, took)
			}
			c.Close()
		}
	})
}

func dialed(t *testing.T, d *client.Dialer) net.Conn {
	t.Helper()
	c, err := d.Dial("tcp", "example.org:80")
	if err != nil {
		t.Fatal(err)
	}
	return c
}
