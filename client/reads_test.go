package client_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/relay"
)

// countedConn counts the reads that return something: each is a system call.
type countedConn struct {
	net.Conn
	reads *atomic.Int32
}

func (c countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.reads.Add(1)
	}
	return n, err
}

// Method, login reply and an IPv4 reply take four reads, and not one a field.
func TestConnectReadsInFewCalls(t *testing.T) {
	at := serve(t, nil, steps(greetBoth, takeLogin, login, loginOK, askName, replyOK))
	var reads atomic.Int32
	d := &client.Dialer{Address: at, User: "alice", Password: "secret"}
	d.Forward = plainDialer(func(network, address string) (net.Conn, error) {
		c, err := net.Dial(network, address)
		return countedConn{c, &reads}, err
	})
	c, err := d.Dial("tcp", "example.org:80")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := reads.Load(); got != 4 {
		t.Errorf("got %d reads, want 4", got)
	}
}

// A FIN where close_notify belongs is no end of the stream, but an error.
func TestTLSTruncationIsNoticed(t *testing.T) {
	n := newNetwork(t)
	at := serve(t, ours(n.serverConfig()), func(t *testing.T, _ int, c *recorder) {
		expect(t, c, greetNone+askName)
		io.WriteString(c, takeNone+replyOK+"half")
		c.Conn.(*tls.Conn).NetConn().Close()
	})
	c, err := (&client.Dialer{Address: at, TLS: n.clientConfig()}).Dial("tcp", "example.org:80")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := io.ReadAll(c); string(got) != "half" || !errors.Is(err, relay.ErrTruncated) {
		t.Errorf("got %q, %v, want half and ErrTruncated", got, err)
	}
}
