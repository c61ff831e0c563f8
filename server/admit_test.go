package server_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// What Admit refuses is not opened, and the client sees that the server failed,
// whatever the error would otherwise stand for.
func TestAdmit(t *testing.T) {
	var admit error
	h := start(t, &server.Server{Admit: func(s *server.Session) error {
		if s.Command != "connect" || s.Host != "127.0.0.1" {
			t.Errorf("asked about %s %s", s.Command, s.Host)
		}
		return admit
	}})
	h.tunnel(t)
	if s := h.admitted(t); s.EndReason() != "" || s.Refused() {
		t.Errorf("running session: ending %q, refused %v", s.EndReason(), s.Refused())
	}
	addr, conns := origin(t)
	for _, admit = range []error{errEnd, syscall.ECONNREFUSED, os.ErrPermission} {
		ask(t, h.dial(t), 1, addr, socks5.GeneralFailure)
		s := h.record(t)
		if !errors.Is(s.Err(), admit) || s.EndReason() != server.EndFailed || s.Refusal() != byte(socks5.GeneralFailure) || !s.Refused() {
			t.Errorf("record: %v, ending %q, refused %v", s.Err(), s.EndReason(), s.Refused())
		}
	}
	if len(conns) != 0 || len(h.opened) != 0 {
		t.Errorf("%d connections and %d sessions came of it", len(conns), len(h.opened))
	}
}

// A session that an operator ends is not one that was refused.
func TestKilled(t *testing.T) {
	h := start(t, &server.Server{Node: "here"})
	h.tunnel(t)
	h.admitted(t).End(fmt.Errorf("%w: uid 0", server.ErrKilled))
	if s := h.record(t); s.EndReason() != server.EndKilled || s.Refused() || s.Node() != "here" {
		t.Errorf("got %q, refused %v, on %q", s.EndReason(), s.Refused(), s.Node())
	}
}

// The name that a login was tried with is recorded, and proves nothing.
func TestTried(t *testing.T) {
	h := start(t, &server.Server{Auth: []server.Authenticator{login(func(context.Context, *server.Session, server.Login) error {
		return server.ErrLogin
	})}})
	c := h.dial(t)
	send(t, c, 5, 1, 2, 1, 1, 'u', 1, 'p')
	expect(t, c, 5, 2, 1, 1)
	c.Close()
	if s := h.record(t); s.Tried != "u" || s.Identity.User != "" || s.EndReason() != server.EndLogin || !s.Refused() {
		t.Errorf("tried %q, user %q, ending %q, refused %v", s.Tried, s.Identity.User, s.EndReason(), s.Refused())
	}
}

// Active is the time of the last byte, either way.
func TestActive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		record := new(closed)
		m := serveMemory(t, &server.Server{Observer: record, Outbound: outbound{dial: func(context.Context) (net.Conn, error) { return near, nil }}})
		begin := time.Now()
		c := m.dial()
		defer c.Close()
		ask(t, c, 1, "192.0.2.1:80", socks5.Succeeded)
		time.Sleep(3 * time.Second)
		send(t, c, 'x')
		expect(t, far, 'x')
		time.Sleep(4 * time.Second)
		send(t, far, 'y')
		expect(t, c, 'y')
		time.Sleep(5 * time.Second)
		c.Close()
		synctest.Wait()
		s := record.only(t)
		if got := s.Active().Sub(begin); got != 7*time.Second || s.Closed().Sub(begin) != 12*time.Second {
			t.Errorf("active after %v, closed after %v", got, s.Closed().Sub(begin))
		}
	})
}
