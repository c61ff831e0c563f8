package bench

import (
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"testing"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/auth"
	"github.com/socksctl/socksctl/server"
)

// BenchmarkConnect reaches an origin, has a byte echoed, and closes.
func BenchmarkConnect(b *testing.B) {
	for _, way := range []struct {
		name string
		open func(testing.TB) dialer
	}{
		{"plain", plainWay},
		{"login", loginWay},
		{"TLS", tlsWay},
		{"forwarder", forwarderWay},
		{"bare", bareWay},
	} {
		b.Run(way.name, func(b *testing.B) { measure(b, "connects/s", connect(b, way.open(b))) })
	}
}

// dialer is a way to an origin.
type dialer interface {
	Dial(network, address string) (net.Conn, error)
}

func bareWay(testing.TB) dialer { return new(net.Dialer) }

func plainWay(t testing.TB) dialer {
	return &client.Dialer{Address: start(t, new(server.Server))}
}

// loginWay asks for a password, whose hash is argon2id. Who logged in once is
// remembered.
func loginWay(t testing.TB) dialer {
	file := filepath.Join(t.TempDir(), "users")
	if err := auth.Add(file, "alice", "correct horse"); err != nil {
		t.Fatal(err)
	}
	users, err := auth.NewPassword(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	addr := start(t, &server.Server{Auth: []server.Authenticator{users}})
	return &client.Dialer{Address: addr, User: "alice", Password: "correct horse"}
}

// tlsWay is what a forwarder does for each connection: mutual TLS, resumed, and
// all of SOCKS in one flight.
func tlsWay(t testing.TB) dialer {
	m := newMutual(t)
	return &client.Dialer{Address: start(t, &server.Server{TLS: m.serverTLS(t)}), TLS: m.clientTLS(t)}
}

// forwarderWay is plain to a forwarder, and the way of tlsWay from there.
func forwarderWay(t testing.TB) dialer { return &client.Dialer{Address: startForwarder(t)} }

func connect(t testing.TB, d dialer) operation {
	origin := answer(t, echoBytes)
	return func() error {
		c, err := d.Dial("tcp", origin)
		if err != nil {
			return err
		}
		defer c.Close()
		one := []byte{1}
		if _, err := c.Write(one); err != nil {
			return err
		}
		one[0] = 0
		if _, err := io.ReadFull(c, one); err != nil || one[0] != 1 {
			return errors.Join(err, fmt.Errorf("echo: got %d, want 1", one[0]))
		}
		return nil
	}
}

// echoBytes sends back each byte by itself, so that the memory of an operation is
// that of the way.
func echoBytes(c net.Conn) {
	one := make([]byte, 1)
	for {
		if _, err := c.Read(one); err != nil {
			return
		}
		c.Write(one)
	}
}
