package server_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// move wants a byte to pass a tunnel each way.
func move(t *testing.T, client, target net.Conn) {
	t.Helper()
	send(t, client, 'u')
	expect(t, target, 'u')
	send(t, target, 'd')
	expect(t, client, 'd')
}

func TestZeroServer(t *testing.T) {
	l := listenTCP(t, "127.0.0.1:0")
	s := new(server.Server)
	serveOn(t, s, l)
	addr, conns := origin(t)
	c := dialTCP(t, l.Addr().String())
	bound := ask(t, c, 1, addr, socks5.Succeeded)
	target := next(t, "connection", conns)
	if got := target.RemoteAddr().String(); got != bound.String() {
		t.Errorf("BND.ADDR is %v, but the target sees %s", bound, got)
	}
	move(t, c, target)
}

func TestSeveralListeners(t *testing.T) {
	k := newKeys(t)
	l := listenTCP(t, "127.0.0.1:0")
	h := startOn(t, &server.Server{TLS: k.config(t, "require")}, l)
	plain, served := []net.Listener{listenTCP(t, "127.0.0.1:0"), listenTCP(t, "[::1]:0")}, make(chan error, 2)
	for _, l := range plain {
		go func() { served <- h.Serve(l) }()
	}
	addr, _ := origin(t)
	for _, at := range []net.Listener{plain[0], l, plain[1]} {
		var c net.Conn = dialTCP(t, at.Addr().String())
		if at == l {
			c = k.dial(t, c, true)
		}
		ask(t, c, 1, addr, socks5.Succeeded)
		if s := h.admitted(t); s.Listener != at.Addr().String() || (s.TLS != nil) != (at == l) {
			t.Errorf("session of listener %s, TLS %v, want %s", s.Listener, s.TLS != nil, at.Addr())
		}
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	for range plain {
		if err := next(t, "end of Serve", served); !errors.Is(err, server.ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
	}
	for range 3 {
		if s := h.record(t); !errors.Is(s.Err(), server.ErrServerClosed) {
			t.Errorf("record: %v, want ErrServerClosed", s.Err())
		}
	}
}

func TestServeAfterClose(t *testing.T) {
	s := new(server.Server)
	for range 2 { // a second Close is none the worse
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	l := listenTCP(t, "127.0.0.1:0")
	if err := s.Serve(l); !errors.Is(err, server.ErrServerClosed) {
		t.Errorf("got %v, want ErrServerClosed", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is left open: %v", err)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown after Close: %v", err)
	}
}

func TestServeTLSWithoutConfig(t *testing.T) {
	l := listenTCP(t, "127.0.0.1:0")
	if err := new(server.Server).ServeTLS(l); err == nil {
		t.Error("got no error")
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is left open: %v", err)
	}
}

// A listener that fails for good ends its own Serve only.
func TestServeReturnsAcceptError(t *testing.T) {
	h := start(t, &server.Server{})
	l := listenTCP(t, "127.0.0.1:0")
	served := make(chan error, 1)
	go func() { served <- h.Serve(l) }()
	l.Close()
	if err := next(t, "end of Serve", served); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want that of the listener", err)
	}
	moves(t, h)
}

// moves wants a new tunnel through h to work.
func moves(t *testing.T, h *harness) {
	t.Helper()
	client, target := h.tunnel(t)
	move(t, client, target)
}

// listed returns the sessions that h lists now.
func listed(h *harness) []*server.Session { return slices.Collect(h.Sessions()) }

func TestSessionsAreTheAdmitted(t *testing.T) {
	h := start(t, &server.Server{})
	if got := listed(h); len(got) != 0 {
		t.Fatalf("got %d sessions at first", len(got))
	}
	greeted := h.dial(t)
	greet(t, greeted)
	a, _ := h.tunnel(t)
	b, _ := h.tunnel(t)
	sa, sb := h.admitted(t), h.admitted(t)
	got := listed(h)
	slices.SortFunc(got, func(x, y *server.Session) int { return int(x.ID) - int(y.ID) })
	if !slices.Equal(got, []*server.Session{sa, sb}) || sa.ID == sb.ID {
		t.Errorf("got %d sessions, want those two that are admitted", len(got))
	}
	for range h.Sessions() {
		break // an early end of the loop is fine
	}
	a.Close()
	b.Close()
}

func TestShutdownDrains(t *testing.T) {
	h := start(t, &server.Server{})
	client, target := h.tunnel(t)
	done := make(chan error, 1)
	go func() { done <- h.Shutdown(context.Background()) }()
	refusedSoon(t, h.addr)
	move(t, client, target)
	select {
	case err := <-done:
		t.Fatalf("Shutdown returned %v beside a running tunnel", err)
	default:
	}
	client.Close()
	target.Close()
	if err := next(t, "end of Shutdown", done); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if s := h.record(t); s.Err() != nil {
		t.Errorf("record of the tunnel: %v", s.Err())
	}
}

// refusedSoon waits until nobody accepts at addr.
func refusedSoon(t *testing.T, addr string) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		c.Close()
	}
	t.Fatal("it still accepts")
}

func TestShutdownGivesUpWithItsContext(t *testing.T) {
	h := start(t, &server.Server{})
	client, target := h.tunnel(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Shutdown(ctx) }()
	cancel()
	if err := next(t, "end of Shutdown", done); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want that of the context", err)
	}
	move(t, client, target)
	if len(h.closed) != 0 {
		t.Error("a session has ended")
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if n := len(h.closed); n != 1 {
		t.Fatalf("%d records when Close returned, want 1", n)
	}
	if s := h.record(t); !errors.Is(s.Err(), server.ErrServerClosed) {
		t.Errorf("record: %v", s.Err())
	}
	aborted(t, client)
	aborted(t, target)
}

// Close ends whatever a session waits for.
func TestCloseEndsEveryKind(t *testing.T) {
	h := start(t, &server.Server{})
	var conns []net.Conn
	for _, command := range []byte{2, 3, 0xF3} {
		c := h.dial(t)
		ask(t, c, command, "127.0.0.1:0", socks5.Succeeded)
		conns = append(conns, c)
	}
	a, b := h.tunnel(t)
	conns = append(conns, a, b, h.dial(t))
	done := make(chan error, 1)
	go func() { done <- h.Close() }()
	if err := next(t, "end of Close", done); err != nil {
		t.Error(err)
	}
	for _, c := range conns {
		c.SetReadDeadline(time.Now().Add(patience))
		over(t, c)
	}
	if got := listed(h); len(got) != 0 {
		t.Errorf("%d sessions are left", len(got))
	}
	if n := len(h.closed); n < 4 || n > 5 { // the last conn may not have been accepted
		t.Errorf("%d records, want those of 4 sessions, or 5", n)
	}
	for len(h.closed) > 0 {
		if s := h.record(t); !errors.Is(s.Err(), server.ErrServerClosed) {
			t.Errorf("record: %v", s.Err())
		}
	}
}

// conformance 2: the server's order counts, among what the client offers.
func TestServerChoosesMethod(t *testing.T) {
	k := newKeys(t)
	byPassword := login(func(context.Context, *server.Session, server.Login) error { return nil })
	cases := []struct {
		name      string
		auth      []server.Authenticator
		certified bool
		offered   []byte
		want      byte
		user      string
	}{
		{"password first", []server.Authenticator{byPassword, server.NoAuth{}}, false, []byte{0, 2}, 2, "u"},
		{"password not offered", []server.Authenticator{byPassword, server.NoAuth{}}, false, []byte{0}, 0, ""},
		{"none first", []server.Authenticator{server.NoAuth{}, byPassword}, false, []byte{2, 0}, 0, ""},
		{"certificate first", []server.Authenticator{byCertificate{}, byPassword}, true, []byte{2, 0}, 0, "alice"},
		{"no certificate", []server.Authenticator{byCertificate{}, byPassword}, false, []byte{0, 2}, 2, "u"},
		{"certificate, but only 02 offered", []server.Authenticator{byCertificate{}, byPassword}, true, []byte{2}, 2, "u"},
		{"nothing fits", []server.Authenticator{byCertificate{}, byPassword}, false, []byte{0, 1, 0x80, 0xFF}, 0xFF, ""},
	}
	addr, _ := origin(t)
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			h := start(t, &server.Server{TLS: k.config(t, "request"), Auth: tc.auth})
			c := k.dial(t, h.dial(t), tc.certified)
			send(t, c, append([]byte{5, byte(len(tc.offered))}, tc.offered...)...)
			expect(t, c, 5, tc.want)
			if tc.want == 0xFF {
				if s := h.record(t); !errors.Is(s.Err(), server.ErrLogin) {
					t.Errorf("record: %v", s.Err())
				}
				return
			}
			if tc.want == 2 {
				send(t, c, 1, 1, 'u', 1, 'p')
				expect(t, c, 1, 0)
			}
			to, _ := socks5.ParseAddr(addr)
			send(t, c, socks5.AppendAddr([]byte{5, 1, 0}, to)...)
			reply(t, c, socks5.Succeeded)
			if got := h.admitted(t).Identity.User; got != tc.user {
				t.Errorf("got user %q, want %q", got, tc.user)
			}
		})
	}
}

// byCertificate logs in who has a verified certificate.
type byCertificate struct{}

func (byCertificate) Method(s *server.Session) byte {
	if s.TLS == nil || len(s.TLS.VerifiedChains) == 0 {
		return 0xFF
	}
	return 0
}

func (byCertificate) Authenticate(_ context.Context, s *server.Session, _ server.Login) (server.Identity, error) {
	return server.Identity{User: s.TLS.PeerCertificates[0].Subject.CommonName, Method: "certificate"}, nil
}

func TestOpenProxy(t *testing.T) {
	k := newKeys(t)
	loopback, mapped := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, &net.TCPAddr{IP: net.ParseIP("::ffff:127.0.0.9")}
	near := []net.Addr{loopback, mapped, &net.TCPAddr{IP: net.IPv6loopback}, &net.UnixAddr{Name: "s", Net: "unix"}}
	far := []net.Addr{
		&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}, &net.TCPAddr{IP: net.IPv4zero}, &net.TCPAddr{IP: net.IPv6unspecified},
		&net.TCPAddr{}, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1)}, &net.IPAddr{IP: net.IPv4(127, 0, 0, 1)},
	}
	for _, auth := range []string{"plain", "none", "request", "require"} {
		for _, listed := range [][]server.Authenticator{nil, {server.NoAuth{}}, {byCertificate{}}} {
			s := &server.Server{Auth: listed}
			serve := s.Serve
			if auth != "plain" {
				s.TLS = k.config(t, certs.ClientAuth(auth))
				serve = s.ServeTLS
			}
			open := auth != "require" && listed == nil
			for _, addr := range append(near, far...) {
				want := open && slices.Contains(far, addr)
				l := &addressed{Listener: newMemory(), addr: addr}
				l.Close()
				if got := errors.Is(serve(l), server.ErrOpenProxy); got != want {
					t.Errorf("%v, TLS %s, %d ways to log in: refused %v, want %v", addr, auth, len(listed), got, want)
				}
			}
		}
	}
}

// Certificates that every public CA gives are no login.
func TestOpenProxyMutualTLSWithoutCA(t *testing.T) {
	far := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}
	for auth := tls.NoClientCert; auth <= tls.RequireAndVerifyClientCert; auth++ {
		if err := new(server.Server).MayServe(far, &tls.Config{ClientAuth: auth}); !errors.Is(err, server.ErrOpenProxy) {
			t.Errorf("%v: got %v, want ErrOpenProxy", auth, err)
		}
	}
	config := &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool()}
	if err := new(server.Server).MayServe(far, config); err != nil {
		t.Errorf("with a CA: %v", err)
	}
}

// addressed is a listener that says where it listens.
type addressed struct {
	net.Listener
	addr net.Addr
}

func (a *addressed) Addr() net.Addr { return a.addr }
