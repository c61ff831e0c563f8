package history_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/history"
	"github.com/socksctl/socksctl/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of a test for what should come at once.
const patience = 10 * time.Second

// made returns a session that no server has.
func made(id uint64, user, command, host string, port uint16) *server.Session {
	return &server.Session{
		ID: id, Start: time.Unix(int64(id), 0), Client: &net.TCPAddr{IP: net.IPv4(192, 0, 2, byte(id)), Port: 1000},
		Identity: server.Identity{User: user}, Command: command, Host: host, Port: port,
	}
}

// people proves everyone by a certificate, as its name, or by a password.
type people struct{ groups []string }

func (people) Method(s *server.Session) byte {
	if s.TLS == nil {
		return 2
	}
	return 0
}

func (p people) Authenticate(_ context.Context, s *server.Session, login server.Login) (server.Identity, error) {
	if s.TLS != nil {
		return server.Identity{User: s.TLS.PeerCertificates[0].Subject.CommonName, Groups: p.groups, Method: "certificate"}, nil
	}
	if login.Password != "secret" {
		return server.Identity{}, server.ErrLogin
	}
	return server.Identity{User: login.Name, Method: "password"}, nil
}

// proxy is a server with a plain listener and one of mutual TLS, whose sessions are
// in a table.
type proxy struct {
	*server.Server
	*history.Live
	plain, secure string
	leaf          *x509.Certificate // that alice shows
	tls           *tls.Config       // hers
}

func serve(t *testing.T, s *server.Server) *proxy {
	t.Helper()
	ca, err := certs.NewCA("history", certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Server: s, Live: history.NewLive()}
	s.Observer = p.Live
	s.Auth = []server.Authenticator{people{[]string{"staff", "ops"}}}
	s.TLS, p.tls, p.leaf = mutual(t, ca)
	p.plain = run(t, s, s.Serve)
	p.secure = run(t, s, s.ServeTLS)
	return p
}

// mutual returns what a server and alice need of ca.
func mutual(t *testing.T, ca *certs.CA) (ofServer, ofAlice *tls.Config, leaf *x509.Certificate) {
	t.Helper()
	pair, err := ca.Server([]string{"localhost"}, certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	alice, err := ca.Client("alice", certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.Certificate)
	ofServer = &tls.Config{Certificates: []tls.Certificate{*pair.TLS()}, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13}
	ofAlice = &tls.Config{Certificates: []tls.Certificate{*alice.TLS()}, RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS13}
	return ofServer, ofAlice, alice.Certificate
}

func run(t *testing.T, s *server.Server, serve func(net.Listener) error) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- serve(l) }() // ends with Close
	t.Cleanup(func() {
		s.Close()
		if err := <-served; !errors.Is(err, server.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	return l.Addr().String()
}

// echo returns the address of what sends back what it gets.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // ends when l is closed, and its connections with their clients
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.Copy(c, c)
			}()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

// open connects through p to address, with five bytes there and back.
func open(t *testing.T, d *client.Dialer, address string) net.Conn {
	t.Helper()
	c, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	hello(t, c)
	return c
}

func hello(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
}

// next returns the next event.
func next(t *testing.T, w *history.Follower) history.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	e, err := w.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
