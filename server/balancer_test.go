package server_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// behind says that the balancers in cidrs, all on loopback, are believed.
func behind(cidrs ...string) server.Balancers {
	b := server.Balancers{Private: true}
	for _, cidr := range cidrs {
		b.Trusted = append(b.Trusted, netip.MustParsePrefix(cidr))
	}
	return b
}

// naming is a header of a version that names client.
func naming(version byte, client string) string {
	source := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(client))
	frontend := netip.MustParseAddrPort("198.51.100.7:443")
	if source.IP.To4() == nil {
		frontend = netip.MustParseAddrPort("[2001:db8::7]:443")
	}
	h := proxyproto.HeaderProxyFromAddrs(version, source, net.TCPAddrFromAddrPort(frontend))
	return format(h)
}

func format(h *proxyproto.Header) string {
	b, err := h.Format()
	if err != nil {
		panic(err)
	}
	return string(b)
}

// annotated is a header with more than addresses, n bytes of it.
func annotated(n int) string {
	h := proxyproto.HeaderProxyFromAddrs(2, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 9), Port: 5}, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 8), Port: 6})
	if err := h.SetTLVs([]proxyproto.TLV{{Type: 0xEA, Value: make([]byte, n)}}); err != nil {
		panic(err)
	}
	return format(h)
}

const local2 = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"

// Each kind of header names the client, however it is cut; what follows it is
// neither lost nor read ahead.
func TestBalancerNamesClient(t *testing.T) {
	for _, way := range ways {
		for name, header := range map[string]string{
			"v1, IPv4": naming(1, "192.0.2.9:5"), "v1, IPv6": naming(1, "[2001:db8::9]:5"),
			"v2, IPv4": naming(2, "192.0.2.9:5"), "v2, IPv6": naming(2, "[2001:db8::9]:5"),
			"v2, mapped": naming(2, "[2001:db8::9]:5")[:16] + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x09" + naming(2, "[2001:db8::9]:5")[32:],
			"v2, more":   annotated(4000), "v2, for itself": local2,
		} {
			t.Run(way+" "+name, func(t *testing.T) {
				e := enter(t, way, &server.Server{Balancers: behind("127.0.0.0/8")})
				c := e.harness.dial(t)
				for len(header) > 100 {
					send(t, c, []byte(header[:100])...)
					header = header[100:]
				}
				for _, b := range []byte(header) {
					send(t, c, b)
				}
				want := map[bool]string{true: "192.0.2.9:5", false: "[2001:db8::9]:5"}[!strings.Contains(name, "IPv6")]
				if header == local2 {
					want = c.LocalAddr().String()
				}
				e.logIn(t, c, "alice").Close()
				s := e.record(t)
				if s.Client.String() != want || s.Via.String() != c.LocalAddr().String() {
					t.Errorf("got client %v via %v, want %s via %v", s.Client, s.Via, want, c.LocalAddr())
				}
			})
		}
	}
}

// What does not name a client is refused, without a byte and without waiting for
// more.
func TestBalancerWithoutHeader(t *testing.T) {
	whole := naming(2, "192.0.2.9:5")
	for name, sent := range map[string]string{
		"SOCKS": "\x05", "TLS": "\x16\x03\x01", "HTTP": "P\r", "half a signature": "\r\n\r\n\x00\r\nQUIX",
		"v1 of nobody": "PROXY UNKNOWN\r\n", "v1 of nobody, with addresses": "PROXY UNKNOWN 192.0.2.9 192.0.2.8 5 6\r\n",
		"v1 without an end": "PROXY TCP4 " + strings.Repeat("1", 96), "v1 with a bare LF": "PROXY TCP4 192.0.2.9 192.0.2.8 5 6\n",
		"v1 with a bad port": "PROXY TCP4 192.0.2.9 192.0.2.8 70000 6\r\n", "v1 with a name": "PROXY TCP4 localhost 192.0.2.8 5 6\r\n",
		"v2 with another version": whole[:12] + "\x11" + whole[13:], "v2 of a unix socket": whole[:13] + "\x31\x00\xd8" + strings.Repeat("x", 216),
		"v2 of UDP": whole[:13] + "\x12" + whole[14:], "v2 of nobody": whole[:13] + "\x00\x00\x00", "v2 too short": whole[:14] + "\x00\x04abcd",
		"v2 too long": whole[:14] + "\x10\x01", "v2 of 0.0.0.0": naming(2, "0.0.0.0:5"), "v2 of a group": naming(2, "224.0.0.1:5"),
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, &server.Server{Balancers: behind("127.0.0.1/32"), Outbound: outbound{}})
			c := h.dial(t)
			send(t, c, []byte(sent)...)
			ended(t, c)
			c.Close()
			s := h.record(t)
			if s.EndReason() != server.EndIncomplete || s.Stage() != server.StageAccept || s.Client.String() != c.LocalAddr().String() {
				t.Errorf("record: %v of %v: %v at %v", s.EndReason(), s.Client, s.Err(), s.Stage())
			}
		})
	}
}

// A check of a balancer leaves no line in the log, and a header that breaks off
// does.
func TestBalancerHangsUp(t *testing.T) {
	for sent, want := range map[string]server.EndReason{"": server.EndUnasked, "PROXY TCP4 192.0.2.9 ": server.EndIncomplete, local2: server.EndUnasked} {
		var log strings.Builder
		h := start(t, &server.Server{Balancers: behind("127.0.0.1/32"), Log: slog.New(slog.NewTextHandler(&log, nil))})
		c := h.dial(t)
		send(t, c, []byte(sent)...)
		c.Close()
		if s := h.record(t); s.EndReason() != want {
			t.Errorf("%q: got %v with %v, want %v", sent, s.EndReason(), s.Err(), want)
		}
		h.Close()
		if told := log.Len() > 0; told != (want == server.EndIncomplete) {
			t.Errorf("%q: the log has %q", sent, log.String())
		}
	}
}

// From who is not trusted a header is no SOCKS.
func TestBalancerThatIsNotTrusted(t *testing.T) {
	h := start(t, &server.Server{Balancers: behind("127.0.0.2/32", "127.0.0.4/31")})
	for from, trusted := range map[string]bool{"127.0.0.1": false, "127.0.0.2": true, "127.0.0.3": false, "127.0.0.5": true, "127.0.0.6": false} {
		c := dialFrom(t, from, h.addr)
		c.SetDeadline(time.Now().Add(patience))
		send(t, c, []byte(naming(1, "192.0.2.9:5"))...)
		if trusted {
			greet(t, c)
			c.Close()
			h.record(t)
			continue
		}
		ended(t, c)
		c.Close()
		if s := h.record(t); !errors.Is(s.Err(), socks5.ErrVersion) || s.Via != nil {
			t.Errorf("from %s: got %v via %v, want that it is no SOCKS", from, s.Err(), s.Via)
		}
		plain := dialFrom(t, from, h.addr)
		greet(t, plain)
		plain.Close()
		h.record(t)
	}
}

// One deadline covers the header and all that follows, and who waits for a
// header keeps nobody else waiting.
func TestBalancerHeaderDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		record := new(closed)
		m := serveMemory(t, &server.Server{Balancers: behind("192.0.2.0/24"), Observer: record, Outbound: reachable()})
		silent, slow := m.dialFrom("192.0.2.1"), m.dialFrom("192.0.2.1")
		defer silent.Close()
		var drip sync.WaitGroup
		defer drip.Wait()
		defer slow.Close()
		drip.Go(func() { // ends with slow
			for _, b := range []byte(naming(1, "203.0.113.1:5")) {
				time.Sleep(900 * time.Millisecond)
				if _, err := slow.Write([]byte{b}); err != nil {
					return
				}
			}
		})
		other := m.dialFrom("198.51.100.1")
		defer other.Close()
		admit(t, other)
		begin := time.Now()
		over(t, silent)
		over(t, slow)
		if took := time.Since(begin); took != 10*time.Second {
			t.Errorf("ended after %v, want 10 s", took)
		}
		for _, s := range record.records() {
			if s.Stage() != server.StageAccept || s.EndReason() != server.EndIncomplete {
				t.Errorf("record: %v: %v at %v", s.EndReason(), s.Err(), s.Stage())
			}
		}
	})
}

// Limits by address are of the client, not of the balancer: neither are the
// clients of one taken together, nor do several make one client many.
func TestBalancerLimitsOfClientsTLS(t *testing.T) {
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			e := enter(t, way, &server.Server{Balancers: behind("127.0.0.0/8"), Limits: server.Limits{ConnsPerIP: 2}})
			come := func(balancer, client string) net.Conn {
				c := dialFrom(t, balancer, e.addr)
				c.SetDeadline(time.Now().Add(patience))
				send(t, c, []byte(naming(2, client))...)
				return c
			}
			for i := range 4 { // many clients of one balancer
				defer e.logIn(t, come("127.0.0.1", fmt.Sprintf("192.0.2.%d:5", 10+i)), "alice").Close()
			}
			defer e.logIn(t, come("127.0.0.1", "192.0.2.1:5"), "alice").Close()
			second := e.logIn(t, come("127.0.0.2", "192.0.2.1:6"), "alice")
			third := come("127.0.0.3", "192.0.2.1:7")
			over(t, third)
			if s := e.record(t); !errors.Is(s.Err(), server.ErrTooMany) || s.Client.String() != "192.0.2.1:7" {
				t.Errorf("record of %v: %v", s.Client, s.Err())
			}
			second.Close()
			e.record(t)
			e.logIn(t, come("127.0.0.3", "192.0.2.1:8"), "alice").Close()
		})
	}
}

func TestBalancerFailedLoginsLockClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := serveMemory(t, &server.Server{Balancers: behind("192.0.2.0/24"), Auth: secret, Limits: server.Limits{LoginFailures: 3}})
		wants := func(balancer, client, password string, heard, let bool) {
			t.Helper()
			c := m.dialFrom(balancer)
			send(t, c, []byte(naming(2, client))...)
			if gotHeard, gotLet := try(t, c, "alice", password); gotHeard != heard || gotLet != let {
				t.Errorf("%s with a %s password: heard %v, let in %v, want %v and %v", client, password, gotHeard, gotLet, heard, let)
			}
			synctest.Wait()
		}
		for range 3 {
			wants("192.0.2.1", "203.0.113.1:5", "wrong", true, false)
		}
		wants("192.0.2.1", "203.0.113.1:5", "right", false, false)
		wants("192.0.2.2", "203.0.113.1:5", "right", false, false)
		wants("192.0.2.1", "203.0.113.2:5", "right", true, true)
	})
}

// Gate and Policy are asked about the client that the header names.
func TestBalancerGateAndPolicy(t *testing.T) {
	var asked []string
	sources := make(chan string, 10)
	h := start(t, &server.Server{
		Balancers: behind("127.0.0.1/32"),
		Gate: func(s *server.Session, c net.Conn) error {
			asked = append(asked, s.Client.String(), fmt.Sprint(s.Via.String() == c.RemoteAddr().String()))
			return nil
		},
		Policy: server.PolicyFunc(func(_ context.Context, s *server.Session, _ server.Target) error {
			sources <- s.Client.String()
			return errEnd
		}),
	})
	c := h.dial(t)
	send(t, c, []byte(naming(1, "192.0.2.9:5"))...)
	ask(t, c, 1, "192.0.2.1:80", socks5.NotAllowed)
	c.Close()
	h.record(t)
	if got := strings.Join(asked, " "); got != "192.0.2.9:5 true" || <-sources != "192.0.2.9:5" {
		t.Errorf("Gate was asked about %s", got)
	}
}

// The datagrams of an association come from the client itself.
func TestBalancerUDP(t *testing.T) {
	h := start(t, &server.Server{Balancers: behind("127.0.0.1/32")})
	echo := echoUDP(t)
	c := h.dial(t)
	send(t, c, []byte(naming(2, "127.0.0.2:5"))...)
	relay := ask(t, c, 3, "0.0.0.0:0", socks5.Succeeded)
	balancer, client := listenUDP(t), listenUDPAt(t, "127.0.0.2")
	sendUDP(t, balancer, relay, datagram(echo.String(), "no"))
	sendUDP(t, client, relay, datagram(echo.String(), "hello"))
	expectUDP(t, client, datagram(echo.String(), "hello"))
	c.Close()
	if s := h.record(t); s.DatagramsUp.Load() != 1 {
		t.Errorf("%d datagrams, want that of the client", s.DatagramsUp.Load())
	}
}

// A listener that balancers connect to is one for everybody, unless it is said
// that they, on loopback, are for this host alone.
func TestBalancerOpenProxy(t *testing.T) {
	loopback, far := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}
	for _, test := range []struct {
		addr    net.Addr
		cidrs   string
		private bool
		want    bool
	}{
		{loopback, "127.0.0.1/32", false, false}, {loopback, "127.0.0.1/32", true, true}, {loopback, "127.0.0.0/8", true, true},
		{loopback, "::1/128", true, true}, {loopback, "126.0.0.0/7", true, false}, {loopback, "::/0", true, false}, {loopback, "0.0.0.0/0", true, false},
		{loopback, "127.0.0.1/32 10.0.0.0/8", true, false}, {far, "127.0.0.1/32", true, false}, {loopback, "", false, true},
		{&net.UnixAddr{Name: "s", Net: "unix"}, "10.0.0.0/8", false, true},
	} {
		b := behind(strings.Fields(test.cidrs)...)
		b.Private = test.private
		err := (&server.Server{Balancers: b}).MayServe(test.addr, nil)
		if errors.Is(err, server.ErrOpenProxy) == test.want {
			t.Errorf("%v behind %s, private %v: got %v", test.addr, test.cidrs, test.private, err)
		}
	}
}
