//go:build linux

package realtest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/socksctl/socksctl/client"
)

// statusOf asks a service on its admin socket.
func statusOf(t *testing.T, socket, path string) int {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "unix", socket)
	}}
	response, err := (&http.Client{Transport: transport}).Get("http://localhost" + path)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

// A service that drains says that it is not ready, takes nothing new, and serves
// what it has.
func TestDrain(t *testing.T) {
	to := newEchoes(t)
	admin := filepath.Join(runtimeDir(t), "admin")
	p := start(t, "serve", "--listen", "127.0.0.1:0", "--admin", "unix:"+admin)
	d := &client.Dialer{Address: p.addresses(t, 1)[0]}
	p.await(t, regexpOf("msg=admin address="), 1)
	steady := sessions(t, d, to)
	if got := statusOf(t, admin, "/readyz"); got != http.StatusOK {
		t.Errorf("readyz: got %d, want 200", got)
	}
	p.signal(t, syscall.SIGTERM)
	p.await(t, regexpOf("msg=draining why=terminated"), 1)
	if got := statusOf(t, admin, "/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("readyz while draining: got %d, want 503", got)
	}
	if got := statusOf(t, admin, "/healthz"); got != http.StatusOK {
		t.Errorf("healthz while draining: got %d, want 200", got)
	}
	for reach(d, to) == nil { // until it has closed its listener, at once
	}
	if err := reach(d, to); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a new connection: got %v, want ECONNREFUSED", err)
	}
	for _, s := range steady {
		if err := s.alive(); err != nil {
			t.Errorf("%s: %v", s.what, err)
		}
		s.close()
	}
	p.ended(t)
}

// Clients that say nothing keep nobody waiting for the rest of their handshake.
func TestDrainOfSilentClients(t *testing.T) {
	p := start(t, "serve", "--listen", "127.0.0.1:0", "--handshake-timeout", "5m", "--drain-timeout", "5m")
	at := p.addresses(t, 1)[0]
	var last net.Conn
	for _, greeting := range [][]byte{{5}, {5, 1, 0}} {
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write(greeting); err != nil {
			t.Fatal(err)
		}
		last = c
	}
	if _, err := io.ReadFull(last, make([]byte, 2)); err != nil { // both are accepted then
		t.Fatal(err)
	}
	p.signal(t, syscall.SIGTERM)
	p.ended(t)
	for _, stage := range []string{"greeting", "request"} {
		p.await(t, regexpOf("level=INFO msg=session .* stage="+stage+` err="server closed: nothing came from the client for 3s"`), 1)
	}
}
