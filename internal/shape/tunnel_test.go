package shape_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/socksctl/socksctl/internal/relay"
	"github.com/socksctl/socksctl/internal/shape"
)

// counted is a Shaper that keeps the books of another.
type counted struct {
	relay.Shaper
	waits, bytes atomic.Int64
}

func (c *counted) Wait(ctx context.Context, n int) error {
	err := c.Shaper.Wait(ctx, n)
	c.waits.Add(1)
	c.bytes.Add(int64(n))
	return err
}

// A mebibyte at four a second, through real tunnels: all of it passes in turn.
func TestTunnelsShaped(t *testing.T) {
	const rate = 4 * mib
	for name, c := range map[string]struct {
		client, target func(*testing.T) (far, near net.Conn)
	}{
		"plain":       {tcpPair, tcpPair},
		"sending TLS": {tcpPair, tlsPair},
		"TLS":         {tlsPair, tlsPair},
		"memory":      {memoryPair, memoryPair},
	} {
		t.Run(name, func(t *testing.T) {
			sent := make([]byte, mib)
			rand.NewChaCha8([32]byte{}).Read(sent)
			app, client := c.client(t)
			origin, target := c.target(t)
			up := &counted{Shaper: shape.NewBandwidth(rate)}
			ended := make(chan error, 1)
			go func() {
				ended <- (&relay.Tunnel{Client: client, Target: target, ShapeUp: up}).Run(context.Background())
			}()
			go func() {
				app.Write(sent)
				relay.CloseWrite(app)
			}()
			if got, err := io.ReadAll(origin); !bytes.Equal(got, sent) || err != nil {
				t.Errorf("got %d bytes and %v, want what was sent", len(got), err)
			}
			origin.Close()
			if err := <-ended; err != nil && name != "memory" { // where a half-close is a close
				t.Error(err)
			}
			if waits, bytes := up.waits.Load(), up.bytes.Load(); bytes != mib || waits < mib/(rate/50) {
				t.Errorf("%d bytes passed in %d turns, want %d in at least %d", bytes, waits, mib, mib/(rate/50))
			}
		})
	}
}

func memoryPair(*testing.T) (far, near net.Conn) { return net.Pipe() }

func tcpPair(t *testing.T) (far, near net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if far, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if near, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close(); near.Close() })
	return far, near
}

func tlsPair(t *testing.T) (far, near net.Conn) {
	t.Helper()
	s := httptest.NewTLSServer(nil) // has a certificate
	s.Close()
	a, b := tcpPair(t)
	client := tls.Client(relay.NewRaw(a), &tls.Config{InsecureSkipVerify: true})
	server := tls.Server(relay.NewRaw(b), &tls.Config{Certificates: s.TLS.Certificates})
	shaken := make(chan error, 1)
	go func() { shaken <- server.Handshake() }()
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	return client, server
}
