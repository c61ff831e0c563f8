package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/internal/errno"
	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// patience bounds every wait of a test for what should come at once.
const patience = 5 * time.Second

// harness is a server on real sockets of loopback, and what it tells of sessions.
type harness struct {
	*server.Server
	addr           string
	opened, closed chan *server.Session
}

func (h *harness) Opened(s *server.Session) { h.opened <- s }
func (h *harness) Closed(s *server.Session) { h.closed <- s }

// start serves s on a port of 127.0.0.1 until the test ends.
func start(t *testing.T, s *server.Server) *harness {
	t.Helper()
	return startOn(t, s, listenTCP(t, "127.0.0.1:0"))
}

func startOn(t *testing.T, s *server.Server, l net.Listener) *harness {
	t.Helper()
	h := &harness{Server: s, addr: l.Addr().String(), opened: make(chan *server.Session, 1000), closed: make(chan *server.Session, 1000)}
	s.Observer = h
	serveOn(t, s, l)
	return h
}

// serveOn serves l until the test ends, and wants it to end as it should.
func serveOn(t *testing.T, s *server.Server, l net.Listener) {
	t.Helper()
	serve := s.Serve
	if s.TLS != nil {
		serve = s.ServeTLS
	}
	served := make(chan error, 1)
	go func() { served <- serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; !errors.Is(err, server.ErrServerClosed) {
			t.Errorf("Serve returned %v, want ErrServerClosed", err)
		}
	})
}

func listenTCP(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	skipWithoutAlias(t, err)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// skipWithoutAlias skips a test that needs addresses as there are none on macOS and
// FreeBSD, when err says so.
func skipWithoutAlias(t *testing.T, err error) {
	t.Helper()
	if errno.Is(err, syscall.EADDRNOTAVAIL) {
		t.Skip("of 127.0.0.0/8 this host has 127.0.0.1 alone")
	}
}

// record returns the record of the next session that ends.
func (h *harness) record(t *testing.T) *server.Session {
	t.Helper()
	return next(t, "record", h.closed)
}

// admitted returns the next session that is admitted.
func (h *harness) admitted(t *testing.T) *server.Session {
	t.Helper()
	return next(t, "session", h.opened)
}

func next[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("no %s came", what)
		panic("unreachable")
	}
}

// dial connects to the server.
func (h *harness) dial(t *testing.T) *net.TCPConn { t.Helper(); return dialTCP(t, h.addr) }

// knock connects, and may be turned away before it knows that it has.
func (h *harness) knock(t *testing.T) {
	t.Helper()
	if c, err := net.DialTimeout("tcp", h.addr, patience); err == nil {
		t.Cleanup(func() { c.Close() })
	}
}

func dialTCP(t *testing.T, address string) *net.TCPConn {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn)
}

// ask greets without login, sends one request and returns BND.ADDR, or fails
// the test unless the reply is want.
func ask(t *testing.T, c net.Conn, command byte, to string, want socks5.Reply) netip.AddrPort {
	t.Helper()
	greet(t, c)
	addr, err := socks5.ParseAddr(to)
	if err != nil {
		t.Fatal(err)
	}
	send(t, c, socks5.AppendAddr([]byte{5, command, 0}, addr)...)
	return reply(t, c, want)
}

// reply reads one reply and wants its code.
func reply(t *testing.T, c net.Conn, want socks5.Reply) netip.AddrPort {
	t.Helper()
	addr, err := socks5.ReadReply(c)
	var got socks5.Reply
	if err != nil && !errors.As(err, &got) {
		t.Fatalf("read reply: %v", err)
	}
	if got != want {
		t.Fatalf("got reply %02x (%v), want %02x", byte(got), got, byte(want))
	}
	return addr.AddrPort()
}

// origin is a TCP listener whose connections come out of a channel.
func origin(t *testing.T) (string, <-chan *net.TCPConn) {
	t.Helper()
	l := listenTCP(t, "127.0.0.1:0")
	conns := make(chan *net.TCPConn, 100)
	go func() { // ends when l is closed
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			c.SetDeadline(time.Now().Add(patience))
			conns <- c.(*net.TCPConn)
		}
	}()
	return l.Addr().String(), conns
}

// tunnel opens a tunnel and returns both its ends.
func (h *harness) tunnel(t *testing.T) (client, target *net.TCPConn) {
	t.Helper()
	addr, conns := origin(t)
	client = h.dial(t)
	ask(t, client, 1, addr, socks5.Succeeded)
	return client, next(t, "connection", conns)
}

// ended wants nothing but the end of c.
func ended(t *testing.T, c net.Conn) {
	t.Helper()
	if rest, err := io.ReadAll(c); err != nil || len(rest) > 0 {
		t.Fatalf("got % x and %v, want the end", rest, err)
	}
}

// aborted wants c to have failed, and not for the time.
func aborted(t *testing.T, c net.Conn) {
	t.Helper()
	_, err := io.ReadAll(c)
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got %v, want a failed connection", err)
	}
}

// over wants c to end in whatever way, and not for the time.
func over(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("the connection is still open")
	}
}

// keys is a private CA with a certificate for each end.
type keys struct {
	ca             *certs.CA
	server, client *certs.Pair
}

func newKeys(t testing.TB) keys {
	t.Helper()
	ca, err := certs.NewCA("test", certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	near, err := ca.Server([]string{"localhost"}, certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	far, err := ca.Client("alice", certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return keys{ca, near, far}
}

// config returns the server's side, which asks for client certificates as auth
// says.
func (k keys) config(t testing.TB, auth certs.ClientAuth) *tls.Config {
	t.Helper()
	c := certs.ServerConfig{Certificate: k.server.TLS(), ClientAuth: auth, ALPN: []string{"socksctl/1"}}
	if auth != certs.ClientAuthNone {
		c.ClientCAs = []*x509.Certificate{k.ca.Certificate}
	}
	s, err := certs.NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	return s.TLSConfig()
}

// dial puts TLS on c, with a client certificate if certified.
func (k keys) dial(t *testing.T, c net.Conn, certified bool, alpn ...string) *tls.Conn {
	t.Helper()
	config := certs.ClientConfig{CAs: []*x509.Certificate{k.ca.Certificate}}
	if certified {
		config.Certificate = k.client.TLS()
	}
	client, err := certs.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	tc := client.TLSConfig("localhost")
	tc.NextProtos = alpn
	tc.SessionTicketsDisabled = true // the server would wait in memory until they are read
	peer := tls.Client(c, tc)
	if err := peer.Handshake(); err != nil {
		t.Fatalf("handshake: %v", err)
	}
	return peer
}

// datagram is data with the header of RFC 1928, section 7.
func datagram(to string, data string) []byte {
	addr, err := socks5.ParseAddr(to)
	if err != nil {
		panic(err)
	}
	return append(socks5.AppendDatagramHeader(nil, addr), data...)
}

// frame is data as UDP-TUN carries it.
func frame(to, data string) []byte {
	b := datagram(to, data)
	binary.BigEndian.PutUint16(b, uint16(len(data)))
	b[2] = 0xFF
	return b
}
