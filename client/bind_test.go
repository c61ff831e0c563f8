package client_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"testing"
	"time"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/socks5"
)

const (
	askBind   = "\x05\x02\x00\x01\x0a\x00\x00\x01\x00\x00"
	bindOK    = "\x05\x00\x00\x01\x00\x00\x00\x00\x12\x34"
	peerThere = "\x05\x00\x00\x01\x0a\x00\x00\x01\x00\x07"
)

func listen(t *testing.T, ctx context.Context, d *client.Dialer) net.Listener {
	t.Helper()
	ln, err := d.Listen(ctx, "tcp", "10.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// bindThen is a proxy that takes a BIND and then does what rest does.
func bindThen(rest func(c *recorder)) script {
	return func(t *testing.T, _ int, c *recorder) {
		if expect(t, c, greetNone) {
			io.WriteString(c, takeNone)
			expect(t, c, askBind)
			io.WriteString(c, bindOK)
			rest(c)
		}
	}
}

// untilGone reads until the client is gone and says so.
func untilGone(gone chan<- struct{}) func(*recorder) {
	return func(c *recorder) {
		io.Copy(io.Discard, c)
		close(gone)
	}
}

func TestBIND(t *testing.T) {
	at := serve(t, nil, bindThen(func(c *recorder) {
		io.WriteString(c, peerThere)
		io.Copy(c, c)
	}))
	ctx, cancel := context.WithCancel(t.Context())
	ln := listen(t, ctx, &client.Dialer{Address: at})
	if got := ln.Addr().String(); got != "127.0.0.1:4660" {
		t.Errorf("got address %s, want that of the proxy, 127.0.0.1:4660", got)
	}
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if got := c.RemoteAddr().String(); got != "10.0.0.1:7" {
		t.Errorf("got peer %s, want 10.0.0.1:7", got)
	}
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("second Accept: got %v, want net.ErrClosed", err)
	}
	// The conn outlives both.
	ln.Close()
	cancel()
	echo(t, c)
}

func TestBINDOverTLSOneFlight(t *testing.T) {
	n := newNetwork(t)
	at := serve(t, ours(n.serverConfig()), func(t *testing.T, i int, c *recorder) {
		steps(greetNone+askBind, takeNone+bindOK+peerThere)(t, i, c)
	})
	c, err := listen(t, t.Context(), &client.Dialer{Address: at, TLS: n.clientConfig()}).Accept()
	if err != nil {
		t.Fatal(err)
	}
	echo(t, c)
}

func TestBINDRefused(t *testing.T) {
	for code, is := range map[byte]error{2: fs.ErrPermission, 6: os.ErrDeadlineExceeded} {
		refusal := "\x05" + string([]byte{code}) + "\x00\x01\x00\x00\x00\x00\x00\x00"
		first := &client.Dialer{Address: serve(t, nil, steps(greetNone, takeNone, askBind, refusal))}
		if _, err := first.Listen(t.Context(), "tcp", "10.0.0.1:0"); !errors.Is(err, is) {
			t.Errorf("first reply %d: got %v, want %v", code, err, is)
		}
		second := &client.Dialer{Address: serve(t, nil, bindThen(func(c *recorder) { io.WriteString(c, refusal) }))}
		_, err := listen(t, t.Context(), second).Accept()
		if !errors.Is(err, is) || byte(socks5.ReplyFor(err)) != code {
			t.Errorf("second reply %d: got %v, want %v", code, err, is)
		}
	}
}

// Close and the time for a peer each end a waiting Accept and the connection to
// the proxy. The context of Listen does not: it bounds the set-up.
func TestBINDEndsWhileWaiting(t *testing.T) {
	ends := map[string]struct {
		end func(net.Listener)
		is  error
	}{
		"close":   {func(ln net.Listener) { ln.Close() }, net.ErrClosed},
		"timeout": {func(net.Listener) {}, os.ErrDeadlineExceeded},
	}
	for name, test := range ends {
		t.Run(name, func(t *testing.T) {
			gone := make(chan struct{})
			d := &client.Dialer{Address: serve(t, nil, bindThen(untilGone(gone)))}
			if name == "timeout" {
				d.BindTimeout = 30 * time.Millisecond
			}
			ctx, cancel := context.WithCancel(t.Context())
			ln := listen(t, ctx, d)
			cancel()
			accepted := make(chan error)
			go func() {
				_, err := ln.Accept()
				accepted <- err
			}()
			test.end(ln)
			if err := <-accepted; !errors.Is(err, test.is) {
				t.Errorf("got %v, want %v", err, test.is)
			}
			<-gone
		})
	}
}

func TestBINDListenerClosedBeforeAccept(t *testing.T) {
	gone := make(chan struct{})
	ln := listen(t, t.Context(), &client.Dialer{Address: serve(t, nil, bindThen(untilGone(gone)))})
	ln.Close()
	<-gone
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want net.ErrClosed", err)
	}
}
