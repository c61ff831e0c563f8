package live_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/live"
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

// anyone is in who has the password.
type anyone struct{}

func (anyone) Method(*server.Session) byte { return 2 }
func (anyone) Authenticate(_ context.Context, _ *server.Session, login server.Login) (server.Identity, error) {
	if login.Password != "secret" {
		return server.Identity{}, server.ErrLogin
	}
	return server.Identity{User: login.Name, Method: "password"}, nil
}

// proxy is a server whose sessions are in a table.
type proxy struct {
	*live.Table
	address string
}

func serve(t *testing.T) *proxy {
	t.Helper()
	p := &proxy{Table: live.NewTable()}
	p.address = run(t, &server.Server{Observer: p.Table, Auth: []server.Authenticator{anyone{}}})
	return p
}

// dialer is a way of a user.
func (p *proxy) dialer(user string) *client.Dialer {
	return &client.Dialer{Address: p.address, User: user, Password: "secret"}
}

func run(t *testing.T, s *server.Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }() // ends with Close
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
func next(t *testing.T, w *live.Follower) live.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	e, err := w.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
