package server_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// What a new rule denies ends at once, whatever it is doing; the rest lives on.
func TestRejudgeTLS(t *testing.T) {
	addr, conns := origin(t)
	begin := map[string]func(t *testing.T, c net.Conn){
		"tunnel":     func(t *testing.T, c net.Conn) { order(t, c, 1, addr, socks5.Succeeded); next(t, "connection", conns) },
		"BIND":       func(t *testing.T, c net.Conn) { order(t, c, 2, "127.0.0.1:9", socks5.Succeeded) },
		"UDP":        func(t *testing.T, c net.Conn) { order(t, c, 3, "0.0.0.0:0", socks5.Succeeded) },
		"UDP frames": func(t *testing.T, c net.Conn) { order(t, c, 0xF3, "0.0.0.0:0", socks5.Succeeded) },
		"BIND, joined": func(t *testing.T, c net.Conn) {
			at := order(t, c, 2, "127.0.0.1:9", socks5.Succeeded)
			peer := dialTCP(t, at.String())
			reply(t, c, socks5.Succeeded)
			move(t, c, peer)
		},
	}
	for _, way := range ways {
		for name, begin := range begin {
			t.Run(way+"/"+name, func(t *testing.T) {
				l := new(law)
				e := enter(t, way, &server.Server{Policy: l})
				alice := e.as(t, "alice")
				begin(t, alice)
				bob := e.as(t, "bob")
				order(t, bob, 1, addr, socks5.Succeeded)
				far := next(t, "connection", conns)
				if ended := e.Rejudge(); ended != 0 {
					t.Fatalf("%d sessions ended without a reason", ended)
				}
				l.deny(func(s *server.Session, _ server.Target) bool { return s.Identity.User == "alice" })
				if ended := e.Rejudge(); ended != 1 {
					t.Errorf("%d sessions ended, want 1", ended)
				}
				over(t, alice)
				s := e.record(t)
				if !errors.Is(s.Err(), server.ErrDenied) || !strings.Contains(s.Err().Error(), "no longer allowed") {
					t.Errorf("record: %v", s.Err())
				}
				move(t, bob, far)
			})
		}
	}
}

// The address that a session came to is judged, not only what was asked.
func TestRejudgeOfAddresses(t *testing.T) {
	stages := map[byte]server.Stage{1: server.StageDial, 2: server.StagePeer}
	for command, stage := range stages {
		t.Run(stage.String(), func(t *testing.T) {
			l := new(law)
			h := start(t, &server.Server{Policy: l})
			c := h.dial(t)
			var far net.Conn
			if command == 1 {
				addr, conns := origin(t)
				ask(t, c, 1, addr, socks5.Succeeded)
				far = next(t, "connection", conns)
			} else {
				far = dialTCP(t, ask(t, c, 2, "127.0.0.1:9", socks5.Succeeded).String())
				reply(t, c, socks5.Succeeded)
			}
			move(t, c, far)
			var judged atomic.Value
			l.deny(func(_ *server.Session, target server.Target) bool {
				judged.Store(target)
				return target.Stage == stage
			})
			if ended := h.Rejudge(); ended != 1 {
				t.Fatalf("%d sessions ended, want 1", ended)
			}
			over(t, c)
			if got := judged.Load().(server.Target); got.Addr != h.record(t).Resolved() {
				t.Errorf("judged %v", got)
			}
		})
	}
}

// A session that is being judged by the rules of before while Rejudge passes is
// caught all the same.
func TestRejudgeCatchesUp(t *testing.T) {
	addr, _ := origin(t)
	for _, stage := range []server.Stage{server.StageRequest, server.StageDial} {
		t.Run(stage.String(), func(t *testing.T) {
			l := new(law)
			h := start(t, &server.Server{Policy: l})
			var once sync.Once
			change := func(s *server.Session, target server.Target) error {
				if target.Stage != stage {
					return nil
				}
				once.Do(func() { // allowed by the old rules, at the moment of the change
					l.deny(func(_ *server.Session, t server.Target) bool { return t.Stage == stage })
					h.Rejudge()
				})
				return nil
			}
			l.allow.Store(&change)
			c := h.dial(t)
			greet(t, c)
			send(t, c, socks5.AppendAddr([]byte{5, 1, 0}, socks5.AddrOf(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr))))...)
			over(t, c)
			if s := h.record(t); !errors.Is(s.Err(), server.ErrDenied) {
				t.Errorf("record: %v", s.Err())
			}
		})
	}
}

// Revalidate ends who is no longer let in, asked for something or not; also one
// whose login was proved before the change and is done after it.
func TestRevalidateTLS(t *testing.T) {
	var gone atomic.Bool
	revalidate := func(s *server.Session) error {
		if gone.Load() && s.Identity.User == "alice" {
			return errors.New("left the company")
		}
		return nil
	}
	for _, way := range ways {
		gone.Store(false)
		e := enter(t, way, &server.Server{Revalidate: revalidate})
		addr, _ := origin(t)
		busy, quiet, bob := e.as(t, "alice"), e.as(t, "alice"), e.as(t, "bob")
		order(t, busy, 1, addr, socks5.Succeeded)
		order(t, bob, 1, addr, socks5.Succeeded)
		gone.Store(true)
		e.Rejudge()
		over(t, busy)
		over(t, quiet)
		for range 2 {
			if s := e.record(t); !errors.Is(s.Err(), server.ErrDenied) || !strings.Contains(s.Err().Error(), "left the company") {
				t.Errorf("%s: record: %v", way, s.Err())
			}
		}
	}
}

func TestRevalidateCatchesUp(t *testing.T) {
	s := &server.Server{Revalidate: func(*server.Session) error { return errors.New("no") }}
	s.Auth = []server.Authenticator{login(func(context.Context, *server.Session, server.Login) error {
		if ended := s.Rejudge(); ended != 0 { // what it would ask is not known yet
			t.Errorf("%d sessions ended, want none", ended)
		}
		return nil
	})}
	h := start(t, s)
	c := h.dial(t)
	send(t, c, 5, 1, 2, 1, 1, 'u', 1, 'p')
	over(t, c)
	if s := h.record(t); !errors.Is(s.Err(), server.ErrDenied) || s.Stage() != server.StageRequest {
		t.Errorf("record: %v at %v", s.Err(), s.Stage())
	}
}

// Whom the Gate turns away gets no byte, neither of SOCKS nor of TLS.
func TestGateTLS(t *testing.T) {
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			var shut atomic.Bool
			e := enter(t, way, &server.Server{Gate: func(s *server.Session, c net.Conn) error {
				if c.RemoteAddr().String() != s.Client.String() {
					t.Errorf("asked about %v, the session is of %v", c.RemoteAddr(), s.Client)
				}
				if shut.Load() {
					return errEnd
				}
				return nil
			}})
			e.as(t, "alice").Close()
			e.record(t)
			shut.Store(true)
			c := e.dial(t)
			ended(t, c)
			c.Close()
			if s := e.record(t); s.Err() != errEnd || s.Stage() != server.StageAccept {
				t.Errorf("record: %v at %v", s.Err(), s.Stage())
			}
		})
	}
}

// SetLimits is for what begins after it.
func TestSetLimits(t *testing.T) {
	h := start(t, &server.Server{})
	addr, conns := origin(t)
	c := h.dial(t)
	ask(t, c, 1, addr, socks5.Succeeded)
	h.SetLimits(server.Limits{ConnsPerIP: 1, User: server.Quota{Conns: 1}})
	d := h.dial(t)
	ask(t, d, 1, addr, socks5.Succeeded) // what was there before is not counted by address
	over(t, h.dial(t))
	move(t, c, next(t, "connection", conns))
	h.SetLimits(server.Limits{})
	ask(t, h.dial(t), 1, addr, socks5.Succeeded)
}
