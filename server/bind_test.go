package server_test

import (
	"context"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/errno"
	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// turnedAway connects to address from local and wants a reset, which some
// systems tell of in connect already.
func turnedAway(t *testing.T, local, address string) {
	t.Helper()
	c, err := tryFrom(local, address)
	if err == nil {
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		_, err = c.Read(make([]byte, 1))
	}
	if !errno.Is(err, syscall.ECONNRESET) {
		t.Fatalf("a stranger gets %v, want a reset", err)
	}
}

func tryFrom(local, address string) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(local)}, Timeout: patience}
	return d.Dial("tcp", address)
}

// dialFrom connects to address from one of loopback's other addresses.
func dialFrom(t *testing.T, local, address string) *net.TCPConn {
	t.Helper()
	c, err := tryFrom(local, address)
	skipWithoutAlias(t, err)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn)
}

// conformance 48 and 55
func TestBINDAddress(t *testing.T) {
	public := netip.MustParseAddr("203.0.113.7")
	cases := []struct {
		listen, to string
		direct     server.Direct
		want       string
	}{
		{"127.0.0.1:0", "127.0.0.1:9", server.Direct{}, "127.0.0.1"},
		{"127.0.0.1:0", "127.0.0.9:9", server.Direct{}, "127.0.0.1"}, // as a CONNECT there
		{"127.0.0.1:0", "[::1]:9", server.Direct{}, "::1"},
		{"127.0.0.1:0", "0.0.0.0:0", server.Direct{}, "127.0.0.1"},
		{"127.0.0.3:0", "0.0.0.0:0", server.Direct{}, "127.0.0.3"}, // where the client came in
		{"[::1]:0", "0.0.0.0:0", server.Direct{}, "::1"},
		{"127.0.0.1:0", "127.0.0.1:9", server.Direct{Advertise: public}, "203.0.113.7"},
		{"127.0.0.1:0", "0.0.0.0:0", server.Direct{Advertise: public}, "203.0.113.7"},
	}
	for _, tc := range cases {
		t.Run(tc.listen+" "+tc.to, func(t *testing.T) {
			h := startOn(t, &server.Server{Outbound: &tc.direct}, listenTCP(t, tc.listen))
			c := h.dial(t)
			got := ask(t, c, 2, tc.to, socks5.Succeeded)
			if got.Addr().String() != tc.want || got.Port() == 0 {
				t.Errorf("got %v, want %s and a port", got, tc.want)
			}
		})
	}
}

// A client on a unix socket has reached no address of this host, and is on it.
func TestBINDAddressOnUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := server.Listen(context.Background(), "unix:"+path)
	if err != nil {
		t.Fatal(err)
	}
	startOn(t, &server.Server{}, l)
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	at := ask(t, c, 2, "0.0.0.0:0", socks5.Succeeded)
	if !at.Addr().IsLoopback() {
		t.Errorf("got %v, which a peer cannot connect to", at)
	}
	peer := dialTCP(t, at.String())
	reply(t, c, socks5.Succeeded)
	move(t, c, peer)
}

// conformance 49
func TestBINDAsksForPort(t *testing.T) {
	cases := []struct {
		name           string
		limited, taken bool                            // to a range of ports; the port asked for
		ask            func(r server.PortRange) uint16 // for what port
		want           func(got, asked uint16) bool
	}{
		{"free", false, false, first, same},
		{"taken", false, true, first, other},
		{"reserved", false, false, func(server.PortRange) uint16 { return 80 }, other},
		{"in range", true, false, first, same},
		{"in range, taken", true, true, first, other},
		{"out of range", true, false, func(r server.PortRange) uint16 { return r.Last + 1 }, other},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			r, d := freeRange(4), new(server.Direct)
			asked := tc.ask(r)
			if tc.limited {
				d.Ports = r
			}
			if tc.taken {
				listenTCP(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), asked).String())
			}
			c := start(t, &server.Server{Outbound: d}).dial(t)
			got := ask(t, c, 2, netip.AddrPortFrom(netip.IPv4Unspecified(), asked).String(), socks5.Succeeded).Port()
			if !tc.want(got, asked) || !d.Ports.Contains(got) {
				t.Errorf("asked for %d of %v: got %d", asked, d.Ports, got)
			}
		})
	}
}

func first(r server.PortRange) uint16 { return r.First }

func same(got, asked uint16) bool { return got == asked }

func other(got, asked uint16) bool { return got != asked && got > 1023 }

// conformance 50 and 48: strangers are turned away without a byte, the expected
// peer gets in, once.
func TestBINDTurnsStrangersAway(t *testing.T) {
	h := start(t, &server.Server{})
	c := h.dial(t)
	at := ask(t, c, 2, "127.0.0.2:1", socks5.Succeeded)
	send(t, c, []byte("early")...)
	for range 10 {
		turnedAway(t, "127.0.0.1", at.String())
	}
	peer := dialFrom(t, "127.0.0.2", at.String())
	if got := reply(t, c, socks5.Succeeded); got.String() != peer.LocalAddr().String() {
		t.Errorf("reply 2 says %v, want %v", got, peer.LocalAddr())
	}
	expect(t, peer, []byte("early")...)
	move(t, c, peer)
	if _, err := net.DialTimeout("tcp", at.String(), patience); !errno.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a third party: got %v, want it refused", err)
	}
}

func TestBINDStrangersAreBounded(t *testing.T) {
	h := start(t, &server.Server{})
	c := h.dial(t)
	at := ask(t, c, 2, "127.0.0.2:1", socks5.Succeeded)
	for range 300 { // the last find the listener gone
		if d, err := net.DialTimeout("tcp", at.String(), patience); err == nil {
			d.Close()
		}
	}
	reply(t, c, socks5.GeneralFailure)
	c.Close()
	if s := h.record(t); s.Err() == nil || !strings.Contains(s.Err().Error(), "too many connections from others") {
		t.Errorf("record: %v", s.Err())
	}
}

// A name is looked up here; any of its addresses may be where the peer is.
func TestBINDForName(t *testing.T) {
	z := &zone{records: map[string][]string{"two.test": {"127.0.0.2", "127.0.0.3"}}}
	h := start(t, &server.Server{Outbound: &server.Direct{Resolver: z.resolver(t)}})
	for _, from := range []string{"127.0.0.2", "127.0.0.3"} {
		c := h.dial(t)
		at := ask(t, c, 2, "two.test:1", socks5.Succeeded)
		turnedAway(t, "127.0.0.1", at.String())
		peer := dialFrom(t, from, at.String())
		reply(t, c, socks5.Succeeded)
		move(t, c, peer)
	}
	ask(t, h.dial(t), 2, "none.test:1", socks5.HostUnreachable)
}

// conformance 51: whoever hangs up takes the listener along.
func TestBINDClientLeaves(t *testing.T) {
	for name, leave := range map[string]func(*net.TCPConn){
		"FIN": func(c *net.TCPConn) { c.CloseWrite() },
		"RST": func(c *net.TCPConn) { c.SetLinger(0); c.Close() },
	} {
		h := start(t, &server.Server{})
		c := h.dial(t)
		at := ask(t, c, 2, "127.0.0.1:1", socks5.Succeeded)
		leave(c)
		c.Close()
		if s := h.record(t); s.Err() == nil || s.Stage() != server.StagePeer {
			t.Errorf("%s: record: %v at %v", name, s.Err(), s.Stage())
		}
		if d, err := net.DialTimeout("tcp", at.String(), patience); err == nil {
			d.Close()
			t.Errorf("%s: the listener is still there", name)
		}
	}
}
