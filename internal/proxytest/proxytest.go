// Package proxytest has a server run and be talked through by the tests of what
// looks at its sessions. It is for tests.
package proxytest

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/server"
)

// Patience bounds every wait of a test for what should come at once.
const Patience = 10 * time.Second

// Password is what Anyone takes.
const Password = "secret"

// Anyone lets everybody in who has the password, under whatever name.
type Anyone struct{}

var _ server.Authenticator = Anyone{}

// Method implements server.Authenticator.
func (Anyone) Method(*server.Session) byte { return 2 }

// Authenticate implements server.Authenticator.
func (Anyone) Authenticate(_ context.Context, _ *server.Session, login server.Login) (server.Identity, error) {
	if login.Password != Password {
		return server.Identity{}, server.ErrLogin
	}
	return server.Identity{User: login.Name, Method: "password"}, nil
}

// Serve runs s until the test ends, and returns its address.
func Serve(t *testing.T, s *server.Server) string {
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

// Echo returns the address of what sends back what it gets, until the test ends.
func Echo(t *testing.T) string {
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
				_, _ = io.Copy(c, c) // to its end, whatever that is
			}()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

// Closed returns an address that nobody listens on, until the test ends: a connection
// has it, which was bound first, so that nobody connects from there to itself.
func Closed(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	held := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}}
	c, err := held.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.LocalAddr().String()
}

// Open connects by d to an address, until the test ends at the latest.
func Open(t *testing.T, d *client.Dialer, address string) net.Conn {
	t.Helper()
	c, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(Patience)); err != nil {
		t.Fatal(err)
	}
	return c
}
