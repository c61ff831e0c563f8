package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"io/fs"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/proxy"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/errno"
	"github.com/socksctl/socksctl/internal/socks5"
)

func TestConnectStepByStep(t *testing.T) {
	tests := map[string]struct {
		user  string
		pairs []string
	}{
		"no login":             {"", []string{greetNone, takeNone, askName, replyOK}},
		"login":                {"alice", []string{greetBoth, takeLogin, login, loginOK, askName, replyOK}},
		"login not asked for":  {"alice", []string{greetBoth, takeNone, askName, replyOK}},
		"login answered by 05": {"alice", []string{greetBoth, takeLogin, login, "\x05\x00", askName, replyOK}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := &client.Dialer{Address: serve(t, nil, steps(test.pairs...)), User: test.user, Password: "secret"}
			c, err := d.DialContext(testContext(t), "tcp", "example.org:80")
			if err != nil {
				t.Fatal(err)
			}
			if got := c.RemoteAddr().String(); got != "example.org:80" {
				t.Errorf("got remote address %s, want example.org:80", got)
			}
			if got := c.(interface{ BoundAddr() net.Addr }).BoundAddr().String(); got != "127.0.0.2:4660" {
				t.Errorf("got bound address %s, want 127.0.0.2:4660", got)
			}
			echo(t, c)
		})
	}
}

// A foreign server never gets two messages at once, with TLS or without.
func TestConnectTLSForeignServer(t *testing.T) {
	n := newNetwork(t)
	for name, version := range map[string]uint16{"TLS12": tls.VersionTLS12, "TLS13": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			config := n.serverConfig()
			config.MaxVersion = version
			at := serve(t, config, steps(greetBoth, takeLogin, login, loginOK, askName, replyOK))
			d := &client.Dialer{Address: at, TLS: n.clientConfig(), User: "alice", Password: "secret"}
			c, err := d.DialContext(testContext(t), "tcp", "example.org:80")
			if err != nil {
				t.Fatal(err)
			}
			echo(t, c)
		})
	}
}

// Our own server gets greeting, login and request in one read.
func TestConnectTLSOneFlight(t *testing.T) {
	n := newNetwork(t)
	tests := map[string]struct{ user, flight, answer string }{
		"no login": {"", greetNone + askName, takeNone + replyOK},
		"login":    {"alice", greetLogin + login + askName, takeLogin + loginOK + replyOK},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			at := serve(t, ours(n.serverConfig()), steps(test.flight, test.answer))
			d := &client.Dialer{Address: at, TLS: n.clientConfig(), User: test.user, Password: "secret"}
			c, err := d.Dial("tcp", "example.org:80")
			if err != nil {
				t.Fatal(err)
			}
			echo(t, c)
		})
	}
}

// A server of ours without login refuses the only method of the flight; it is
// asked on a second connection, and first from then on.
func TestConnectTLSOneFlightWithoutNeed(t *testing.T) {
	n := newNetwork(t)
	var conns atomic.Int32
	at := serve(t, ours(n.serverConfig()), func(t *testing.T, i int, c *recorder) {
		conns.Add(1)
		if i == 0 {
			expect(t, c, greetLogin)
			io.WriteString(c, "\x05\xff")
			return
		}
		steps(greetBoth, takeNone, askName, replyOK)(t, i, c)
	})
	d := &client.Dialer{Address: at, TLS: n.clientConfig(), User: "alice", Password: "secret"}
	for range 2 {
		c, err := d.DialContext(testContext(t), "tcp", "example.org:80")
		if err != nil {
			t.Fatal(err)
		}
		echo(t, c)
	}
	if got := conns.Load(); got != 3 {
		t.Errorf("got %d connections, want 3", got)
	}
}

func TestTLSAlertOverALPNIsRemembered(t *testing.T) {
	n := newNetwork(t)
	var handshakes, refused atomic.Int32
	config := n.serverConfig()
	config.NextProtos = []string{"h2"}
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		handshakes.Add(1)
		if len(hello.SupportedProtos) > 0 {
			refused.Add(1)
		}
		return nil, nil
	}
	at := serve(t, config, steps(greetNone, takeNone, askName, replyOK))
	d := &client.Dialer{Address: at, TLS: n.clientConfig()}
	for range 2 {
		c, err := d.DialContext(testContext(t), "tcp", "example.org:80")
		if err != nil {
			t.Fatal(err)
		}
		echo(t, c)
	}
	if h, r := handshakes.Load(), refused.Load(); h != 3 || r != 1 {
		t.Errorf("got %d handshakes and %d with ALPN, want 3 and 1", h, r)
	}
}

func TestTLSSessionIsResumed(t *testing.T) {
	n := newNetwork(t)
	var resumed atomic.Int32
	at := serve(t, ours(n.serverConfig()), func(t *testing.T, i int, c *recorder) {
		if c.Conn.(*tls.Conn).ConnectionState().DidResume {
			resumed.Add(1)
		}
		steps(greetNone+askName, takeNone+replyOK)(t, i, c)
	})
	d := &client.Dialer{Address: at, TLS: n.clientConfig()}
	for range 2 {
		c, err := d.Dial("tcp", "example.org:80")
		if err != nil {
			t.Fatal(err)
		}
		echo(t, c)
	}
	if got := resumed.Load(); got != 1 {
		t.Errorf("got %d resumed sessions, want 1", got)
	}
}

func TestMutualTLS(t *testing.T) {
	n := newNetwork(t)
	for name, version := range map[string]uint16{"TLS12": tls.VersionTLS12, "TLS13": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			config := ours(n.serverConfig())
			config.ClientAuth, config.ClientCAs, config.MaxVersion = tls.RequireAndVerifyClientCert, n.roots, version
			at := serve(t, config, steps(greetNone+askName, takeNone+replyOK))
			mine := n.clientConfig()
			mine.Certificates = []tls.Certificate{*n.client}
			c, err := (&client.Dialer{Address: at, TLS: mine}).Dial("tcp", "example.org:80")
			if err != nil {
				t.Fatal(err)
			}
			echo(t, c)

			_, err = (&client.Dialer{Address: at, TLS: n.clientConfig()}).Dial("tcp", "example.org:80")
			fault, ok := errors.AsType[*client.ProxyError](err)
			if !ok || !strings.Contains(fault.Error(), "certificate") {
				t.Errorf("got %v, want a ProxyError that names the certificate", err)
			}
			if got := socks5.ReplyFor(err); got != socks5.NetworkUnreachable {
				t.Errorf("got reply %d, want 3", got)
			}
		})
	}
}

func TestTLSServerOfAnotherCAIsRefused(t *testing.T) {
	n, other := newNetwork(t), newNetwork(t)
	at := serve(t, n.serverConfig(), func(t *testing.T, _ int, c *recorder) { t.Error("handshake succeeded") })
	_, err := (&client.Dialer{Address: at, TLS: other.clientConfig()}).Dial("tcp", "example.org:80")
	wantProxyError(t, err, "tls")
}

// The code of the far server comes back as the error of the system, and as the
// same code.
func TestConnectReplies(t *testing.T) {
	tests := []struct {
		code, near byte
		is         error
	}{
		{1, 1, nil}, {2, 2, fs.ErrPermission}, {3, 3, syscall.ENETUNREACH}, {4, 4, syscall.EHOSTUNREACH},
		{5, 5, syscall.ECONNREFUSED}, {6, 6, syscall.ETIMEDOUT}, {7, 7, errors.ErrUnsupported},
		{8, 8, syscall.EAFNOSUPPORT}, {9, 1, nil}, {0x5b, 1, nil}, {0xff, 1, nil},
	}
	for _, test := range tests {
		refusal := "\x05" + string([]byte{test.code}) + "\x00\x01\x00\x00\x00\x00\x00\x00"
		at := serve(t, nil, steps(greetNone, takeNone, askName, refusal))
		_, err := (&client.Dialer{Address: at}).DialContext(testContext(t), "tcp", "example.org:80")
		if op, ok := err.(*net.OpError); !ok || op.Op != "connect" {
			t.Errorf("code %d: got %T, want *net.OpError of connect", test.code, err)
		}
		if got := socks5.ReplyFor(err); byte(got) != test.near {
			t.Errorf("code %d: got reply %d, want %d", test.code, got, test.near)
		}
		if test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("code %d: %v is not %v", test.code, err, test.is)
		}
	}
}

func TestConnectProxyOutOfReach(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	_, err = (&client.Dialer{Address: ln.Addr().String(), User: "alice", Password: "secret"}).Dial("tcp", "example.org:80")
	wantProxyError(t, err, "dial")
	if got := socks5.ReplyFor(err); got != socks5.NetworkUnreachable {
		t.Errorf("got reply %d, want 3", got)
	}
	if !errno.Is(err, syscall.ECONNREFUSED) || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v, want the cause in it and not the password", err)
	}
}

// What no request can carry fails before a connection is opened.
func TestConnectBadTargets(t *testing.T) {
	at := serve(t, nil, func(t *testing.T, _ int, _ *recorder) { t.Error("the proxy was dialled") })
	d := &client.Dialer{Address: at}
	long := strings.Repeat("a", 256)
	for _, test := range [][2]string{
		{"tcp", long + ":80"}, {"tcp", "example.org:65536"}, {"tcp", "example.org:http"}, {"tcp", "example.org"},
		{"tcp", "[fe80::1%eth0]:80"}, {"tcp", ":80"}, {"tcp", ""}, {"tcp4", "[::1]:80"}, {"tcp6", "127.0.0.1:80"}, {"udp", "example.org:80"},
	} {
		if c, err := d.Dial(test[0], test[1]); err == nil {
			c.Close()
			t.Errorf("%s %s: got a connection, want an error", test[0], test[1])
		}
	}
	long = long[:254] + "." // 255 bytes do travel
	full := serve(t, nil, steps(greetNone, takeNone, "\x05\x01\x00\x03\xff"+long+"\x00\x50", replyOK))
	c, err := (&client.Dialer{Address: full}).Dial("tcp", long+":80")
	if err != nil {
		t.Fatal(err)
	}
	echo(t, c)
}

func TestConnectOverUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c, err := ln.Accept(); err == nil {
			serveOne(t, c, nil, steps(greetNone, takeNone, askName, replyOK), 0)
		}
	}()
	d, err := client.ParseURL("socks5h://localhost" + path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := d.Dial("tcp", "example.org:80")
	if err != nil {
		t.Fatal(err)
	}
	echo(t, c)
	<-done
}

// plainDialer has no context, as proxy.Dialer asks.
type plainDialer func(network, address string) (net.Conn, error)

func (f plainDialer) Dial(network, address string) (net.Conn, error) { return f(network, address) }

func TestConnectByForward(t *testing.T) {
	inner := serve(t, nil, steps(greetNone, takeNone, askName, replyOK))
	for name, forward := range map[string]proxy.Dialer{
		"direct":     proxy.Direct,
		"no context": plainDialer(net.Dial),
	} {
		t.Run(name, func(t *testing.T) {
			c, err := (&client.Dialer{Address: inner, Forward: forward}).Dial("tcp", "example.org:80")
			if err != nil {
				t.Fatal(err)
			}
			echo(t, c)
		})
	}
	t.Run("two hops", func(t *testing.T) {
		first := serve(t, nil, steps(greetNone, takeNone, "\x05\x01\x00\x03\x05inner\x04\x38", replyOK,
			greetNone, takeNone, askName, replyOK))
		d := &client.Dialer{Address: "inner:1080", Forward: &client.Dialer{Address: first}}
		c, err := d.Dial("tcp", "example.org:80")
		if err != nil {
			t.Fatal(err)
		}
		echo(t, c)
	})
}

func TestConnectForwardThatNeverReturns(t *testing.T) {
	release := make(chan struct{})
	closed := make(chan struct{})
	forward := plainDialer(func(string, string) (net.Conn, error) {
		<-release
		a, b := net.Pipe()
		go func() {
			io.Copy(io.Discard, b)
			close(closed)
		}()
		return a, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := (&client.Dialer{Address: "x:1", Forward: forward}).DialContext(ctx, "tcp", "example.org:80")
	if wantProxyError(t, err, "dial"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	close(release)
	<-closed
}

// At each step of the set-up the end of ctx, and the time of that step, end it.
func TestConnectIsCutShort(t *testing.T) {
	stages := map[string][]string{
		"greeting": {},
		"login":    {greetBoth, takeLogin},
		"request":  {greetBoth, takeLogin, login, loginOK},
		"reply":    {greetBoth, takeLogin, login, loginOK, askName, "\x05\x00\x00\x01"},
	}
	for name, pairs := range stages {
		silent := func(t *testing.T, c *recorder, reached func()) {
			for i := 0; i < len(pairs); i += 2 {
				expect(t, c, pairs[i])
				io.WriteString(c, pairs[i+1])
			}
			reached()
			io.Copy(io.Discard, c)
		}
		t.Run(name+" cancelled", func(t *testing.T) {
			ctx, cancel := context.WithCancel(testContext(t))
			at := serve(t, nil, func(t *testing.T, i int, c *recorder) {
				silent(t, c, func() { time.AfterFunc(20*time.Millisecond, cancel) })
			})
			_, err := (&client.Dialer{Address: at, User: "alice", Password: "secret"}).DialContext(ctx, "tcp", "example.org:80")
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want context.Canceled", err)
			}
		})
		t.Run(name+" too slow", func(t *testing.T) {
			at := serve(t, nil, func(t *testing.T, i int, c *recorder) { silent(t, c, func() {}) })
			d := &client.Dialer{Address: at, User: "alice", Password: "secret"}
			d.Timeout, d.ReplyTimeout = 300*time.Millisecond, 300*time.Millisecond
			_, err := d.Dial("tcp", "example.org:80")
			var timeout net.Error
			if !errors.As(err, &timeout) || !timeout.Timeout() {
				t.Errorf("got %v, want a timeout", err)
			}
		})
	}
	t.Run("TLS", func(t *testing.T) {
		at := serve(t, nil, func(t *testing.T, _ int, c *recorder) { io.Copy(io.Discard, c) })
		d := &client.Dialer{Address: at, TLS: newNetwork(t).clientConfig(), Timeout: 50 * time.Millisecond}
		_, err := d.Dial("tcp", "example.org:80")
		if !wantProxyError(t, err, "tls").Timeout() {
			t.Errorf("got %v, want a timeout", err)
		}
	})
}

func TestConnectRogueServer(t *testing.T) {
	tests := map[string]struct {
		op    string
		pairs []string
		is    error
	}{
		"version of method":  {"login", []string{greetBoth, "\x04\x00"}, socks5.ErrVersion},
		"HTTP":               {"login", []string{greetBoth, "HTTP/1.1 400 Bad Request\r\n\r\n"}, socks5.ErrVersion},
		"method not offered": {"login", []string{greetBoth, "\x05\x01"}, nil},
		"no method":          {"login", []string{greetBoth, "\x05\xff"}, client.ErrMethod},
		"wrong password":     {"login", []string{greetBoth, takeLogin, login, "\x01\x01"}, client.ErrLogin},
		"version of reply":   {"request", []string{greetBoth, takeNone, askName, "\x04\x00\x00\x01\x00\x00\x00\x00\x00\x00"}, socks5.ErrVersion},
		"type of address":    {"request", []string{greetBoth, takeNone, askName, "\x05\x00\x00\x09\x00\x00\x00\x00\x00\x00"}, socks5.ErrAddressType},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := &client.Dialer{Address: serve(t, nil, steps(test.pairs...)), User: "alice", Password: "secret"}
			_, err := d.DialContext(testContext(t), "tcp", "example.org:80")
			wantProxyError(t, err, test.op)
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("got %v, want %v in it", err, test.is)
			}
			if got := socks5.ReplyFor(err); got != socks5.NetworkUnreachable {
				t.Errorf("got reply %d, want 3", got)
			}
		})
	}
	t.Run("hangs up", func(t *testing.T) {
		at := serve(t, nil, func(t *testing.T, _ int, c *recorder) {
			expect(t, c, greetNone)
			io.WriteString(c, takeNone)
			expect(t, c, askName)
			io.WriteString(c, "\x05\x00\x00\x03\xff")
		})
		_, err := (&client.Dialer{Address: at}).Dial("tcp", "example.org:80")
		if wantProxyError(t, err, "request"); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %v, want io.ErrUnexpectedEOF", err)
		}
	})
}

// Whatever the address in a reply, and however it is cut into segments, what
// follows it is the first that the caller reads.
func TestConnectReadsNotPastTheReply(t *testing.T) {
	for name, addr := range map[string]string{
		"IPv4": "\x01\x7f\x00\x00\x01\x00\x50", "IPv6": "\x04" + strings.Repeat("\x00", 15) + "\x01\x00\x50",
		"name": "\x03\x09localhost\x00\x50", "empty name": "\x03\x00\x00\x50", "longest name": "\x03\xff" + strings.Repeat("n", 255) + "\x00\x50",
	} {
		for _, size := range []int{1, 7, 1000} {
			t.Run(name, func(t *testing.T) {
				at := serve(t, nil, func(t *testing.T, _ int, c *recorder) {
					expect(t, c, greetNone)
					io.WriteString(c, takeNone)
					expect(t, c, askName)
					for answer := "\x05\x00\x00" + addr + "payload"; answer != ""; {
						n := min(size, len(answer))
						io.WriteString(c, answer[:n])
						answer = answer[n:]
					}
				})
				c, err := (&client.Dialer{Address: at}).Dial("tcp", "example.org:80")
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				raw := c.(interface{ NetConn() net.Conn }).NetConn()
				if _, ok := raw.(*net.TCPConn); !ok {
					t.Errorf("got a %T under the conn, want *net.TCPConn", raw)
				}
				if got, err := io.ReadAll(raw); string(got) != "payload" || err != nil {
					t.Errorf("got %q, %v, want payload", got, err)
				}
			})
		}
	}
}

func TestConnectBoundAddressOfTheProxy(t *testing.T) {
	at := serve(t, nil, steps(greetNone, takeNone, askName, "\x05\x00\x00\x01\x00\x00\x00\x00\x12\x34"))
	c, err := (&client.Dialer{Address: at}).Dial("tcp", "example.org:80")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := c.(interface{ BoundAddr() net.Addr }).BoundAddr().String(); got != "127.0.0.1:4660" {
		t.Errorf("got %s, want the address of the proxy, 127.0.0.1:4660", got)
	}
}
