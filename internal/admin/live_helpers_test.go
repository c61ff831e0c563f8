package admin_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/live"
	"github.com/socksctl/socksctl/internal/proxytest"
	"github.com/socksctl/socksctl/server"
)

// service is a proxy whose sessions are looked at, and the admin server that
// shows them.
type service struct {
	*admin.Server
	live  *live.Table
	proxy string
	echo  string
}

func newService(t *testing.T) *service {
	t.Helper()
	v := &service{live: live.NewTable()}
	v.Server = &admin.Server{Live: v.live, Token: func() string { return token }}
	v.proxy = proxytest.Serve(t, &server.Server{Observer: v.live, Auth: []server.Authenticator{proxytest.Anyone{}}})
	v.echo = proxytest.Echo(t)
	return v
}

// open opens a tunnel as a user.
func (v *service) open(t *testing.T, user string) net.Conn {
	t.Helper()
	return proxytest.Open(t, &client.Dialer{Address: v.proxy, User: user, Password: proxytest.Password}, v.echo)
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
	ctx, cancel := context.WithTimeout(t.Context(), proxytest.Patience)
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
