package certs_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/certs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newCA(t *testing.T, name string) *certs.CA {
	t.Helper()
	ca, err := certs.NewCA(name, certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// pairOf takes what CA.Server and CA.Client return.
func pairOf(t *testing.T) func(*certs.Pair, error) *certs.Pair {
	return func(p *certs.Pair, err error) *certs.Pair {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
}

func newServer(t *testing.T, c certs.ServerConfig) *certs.Server {
	t.Helper()
	s, err := certs.NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newClient(t *testing.T, c certs.ClientConfig) *certs.Client {
	t.Helper()
	cl, err := certs.NewClient(c)
	if err != nil {
		t.Fatal(err)
	}
	return cl
}

// outcome is how one connection went, at both ends.
type outcome struct {
	server, client       tls.ConnectionState
	serverErr, clientErr error // of the handshake, or of the first read
	serverGot, clientGot string
}

// meet makes one connection over loopback. Each end says a word to the other,
// so that the client reads what TLS 1.3 sends after the handshake: tickets, and
// the alert by which a certificate is refused.
func meet(t *testing.T, server, client *tls.Config) (o outcome) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() { // ends when its connection does
		defer close(done)
		raw, err := l.Accept()
		if err != nil {
			o.serverErr = err
			return
		}
		o.server, o.serverGot, o.serverErr = talk(tls.Server(raw, server), "from server")
		drain(raw)
	}()
	raw, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	o.client, o.clientGot, o.clientErr = talk(tls.Client(raw, client), "from client")
	raw.Close()
	<-done
	return o
}

// drain reads what is left, so that a close is not a reset that takes an alert
// with it.
func drain(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.CloseWrite()
	}
	io.Copy(io.Discard, c)
	c.Close()
}

func talk(c *tls.Conn, word string) (tls.ConnectionState, string, error) {
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if err := c.HandshakeContext(context.Background()); err != nil {
		return c.ConnectionState(), "", err
	}
	if _, err := c.Write([]byte(word)); err != nil {
		return c.ConnectionState(), "", err
	}
	buf := make([]byte, 64)
	n, err := c.Read(buf)
	return c.ConnectionState(), string(buf[:n]), err
}

// mustMeet is meet for two that get on.
func mustMeet(t *testing.T, server, client *tls.Config) outcome {
	t.Helper()
	o := meet(t, server, client)
	if o.serverErr != nil || o.clientErr != nil {
		t.Fatalf("server: %v, client: %v", o.serverErr, o.clientErr)
	}
	if o.serverGot != "from client" || o.clientGot != "from server" {
		t.Fatalf("server got %q, client got %q", o.serverGot, o.clientGot)
	}
	return o
}
