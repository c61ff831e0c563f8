//go:build unix

package admin_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/inherit"
	"github.com/socksctl/socksctl/server"
)

// handsOver returns a server that hands over what it has: one listener.
func handsOver(t *testing.T) (s *admin.Server, l net.Listener, done <-chan error) {
	t.Helper()
	l, err := server.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	ended := make(chan error, 10)
	s = new(reloads).server()
	s.HandOver = func(h *inherit.Handover) bool {
		_, err := h.Offer([]inherit.Listener{{Listener: l, Kind: "plain", Asked: "127.0.0.1:0"}})
		if err == nil {
			err = h.Done()
		}
		ended <- err
		return false
	}
	return s, l, ended
}

func TestTakeOver(t *testing.T) {
	s, l, done := handsOver(t)
	c := &admin.Client{Address: socket(t)}
	if _, err := c.TakeOver(t.Context()); !errors.Is(err, admin.ErrNobody) {
		t.Errorf("before anybody serves: got %v, want ErrNobody", err)
	}
	run(t, s, c.Address)
	for range 100 { // more than there may be connections at once
		takeover, err := c.TakeOver(t.Context())
		for err != nil && strings.Contains(err.Error(), "another process is taking over") { // the one before is not over yet
			takeover, err = c.TakeOver(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		taken, ok := takeover.Take("plain", "127.0.0.1:0")
		if !ok || taken.Addr().String() != l.Addr().String() {
			t.Fatalf("got %v, want %v", taken, l.Addr())
		}
		if err := takeover.Commit(); err != nil {
			t.Error(err)
		}
		takeover.Close()
		taken.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// A takeover is for processes of the same user on a unix socket, and for services
// that hand over.
func TestTakeOverRefused(t *testing.T) {
	s, _, _ := handsOver(t)
	s.Token = func() string { return token }
	at := run(t, s, "127.0.0.1:0")
	upgrade := []string{"Host: localhost", "Connection: Upgrade", "Upgrade: " + inherit.Protocol, "Authorization: Bearer " + token}
	if status, body := ask(t, at, "POST /api/v1/takeover", upgrade...); status != 403 || !strings.Contains(body, "on a unix socket only") {
		t.Errorf("on an address: got %d %s", status, body)
	}
	if _, err := (&admin.Client{Address: at.String()}).TakeOver(t.Context()); err == nil || !strings.Contains(err.Error(), "on a unix socket only") {
		t.Errorf("on an address: got %v", err)
	}
	unix := run(t, s, socket(t))
	if status, body := ask(t, unix, "POST /api/v1/takeover", "Host: localhost"); status != 426 || !strings.Contains(body, inherit.Protocol) {
		t.Errorf("without the protocol: got %d %s", status, body)
	}
	if status, body := ask(t, unix, "POST /api/v1/takeover", append(upgrade, "Origin: http://localhost")...); status != 403 {
		t.Errorf("by a page: got %d %s", status, body)
	}
	c := &admin.Client{Address: socket(t)}
	run(t, new(reloads).server(), c.Address)
	_, err := c.TakeOver(t.Context())
	if refused, _ := errors.AsType[*admin.Refused](err); statusOf(refused) != 403 || !strings.Contains(err.Error(), "hands no listeners over") {
		t.Errorf("got %v", err)
	}
}

// What is there and is no service is told apart from nobody.
func TestTakeOverFromAnother(t *testing.T) {
	address := socket(t)
	l, err := server.Listen(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // ends with the client's connection
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		io.WriteString(c, "hello\n")
		c.Close()
	}()
	_, err = (&admin.Client{Address: address}).TakeOver(t.Context())
	l.Close()
	<-done
	if err == nil || errors.Is(err, admin.ErrNobody) || !strings.Contains(err.Error(), address) {
		t.Errorf("got %v", err)
	}
}
