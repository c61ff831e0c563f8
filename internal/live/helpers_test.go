package live_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/live"
	"github.com/socksctl/socksctl/internal/proxytest"
	"github.com/socksctl/socksctl/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// made returns a session that no server has.
func made(id uint64, user, command, host string, port uint16) *server.Session {
	return &server.Session{
		ID: id, Start: time.Unix(int64(id), 0), Client: &net.TCPAddr{IP: net.IPv4(192, 0, 2, byte(id)), Port: 1000},
		Identity: server.Identity{User: user}, Command: command, Host: host, Port: port,
	}
}

// proxy is a server whose sessions are in a table.
type proxy struct {
	*live.Table
	address string
}

func serve(t *testing.T) *proxy {
	t.Helper()
	p := &proxy{Table: live.NewTable()}
	p.address = proxytest.Serve(t, &server.Server{Observer: p.Table, Auth: []server.Authenticator{proxytest.Anyone{}}})
	return p
}

// dialer is a way of a user.
func (p *proxy) dialer(user string) *client.Dialer {
	return &client.Dialer{Address: p.address, User: user, Password: proxytest.Password}
}

// open connects by d to an address, with five bytes there and back.
func open(t *testing.T, d *client.Dialer, address string) net.Conn {
	t.Helper()
	c := proxytest.Open(t, d, address)
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
	ctx, cancel := context.WithTimeout(t.Context(), proxytest.Patience)
	defer cancel()
	e, err := w.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
