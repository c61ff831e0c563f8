package admin_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/live"
	"github.com/socksctl/socksctl/server"
)

// patience bounds every wait of a test for what should come at once.
const patience = 10 * time.Second

// service is a proxy whose sessions are looked at, and the admin server that
// shows them.
type service struct {
	*admin.Server
	live  *live.Table
	proxy string
	echo  string
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

func newService(t *testing.T) *service {
	t.Helper()
	v := &service{live: live.NewTable()}
	v.Server = &admin.Server{Live: v.live, Token: func() string { return token }}
	v.proxy = serveProxy(t, &server.Server{Observer: v.live, Auth: []server.Authenticator{anyone{}}})
	v.echo = echo(t)
	return v
}

func serveProxy(t *testing.T, s *server.Server) string {
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

// open opens a tunnel as a user.
func (v *service) open(t *testing.T, user string) net.Conn {
	t.Helper()
	c, err := (&client.Dialer{Address: v.proxy, User: user, Password: "secret"}).DialContext(t.Context(), "tcp", v.echo)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// ended waits for the end of what open returned.
func ended(t *testing.T, c net.Conn) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("read %d bytes, %v, want the end", n, err)
	}
}

// watch follows all sessions, until the test ends.
func (v *service) watch(t *testing.T) *live.Follower {
	w := v.live.Follow(live.Filter{})
	t.Cleanup(w.Close)
	return w
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

// made returns a session that no server has.
func made(id uint64, user, host string) *server.Session {
	return &server.Session{
		ID: id, Start: time.Unix(int64(id), 0), Client: &net.TCPAddr{IP: net.IPv4(192, 0, 2, byte(id)), Port: 1000},
		Identity: server.Identity{User: user}, Command: "connect", Host: host, Port: 443,
	}
}
