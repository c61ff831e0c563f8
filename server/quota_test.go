package server_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// law is a Policy whose functions can be exchanged; one that is nil allows, and
// leaves quotas as they are.
type law struct {
	allow  atomic.Pointer[func(s *server.Session, t server.Target) error]
	quotas atomic.Pointer[func(s *server.Session, user server.Quota) []server.Quota]
}

func (l *law) Allow(_ context.Context, s *server.Session, t server.Target) error {
	if f := l.allow.Load(); f != nil {
		return (*f)(s, t)
	}
	return nil
}

func (l *law) Quotas(s *server.Session, user server.Quota) []server.Quota {
	if f := l.quotas.Load(); f != nil {
		return (*f)(s, user)
	}
	return []server.Quota{user}
}

func (l *law) deny(f func(s *server.Session, t server.Target) bool) {
	allow := func(s *server.Session, t server.Target) error {
		if f(s, t) {
			return server.ErrDenied
		}
		return nil
	}
	l.allow.Store(&allow)
}

func (l *law) grant(quotas ...server.Quota) {
	f := func(*server.Session, server.Quota) []server.Quota { return quotas }
	l.quotas.Store(&f)
}

// anyone lets each name in with any password.
var anyone = []server.Authenticator{login(func(context.Context, *server.Session, server.Login) error { return nil })}

// ways is how a client may come to a server.
var ways = []string{"plain", "TLS"}

// entrance is a server that asks for names, over a way, and how to reach it.
type entrance struct {
	*harness
	keys keys
}

func enter(t *testing.T, way string, s *server.Server) *entrance {
	t.Helper()
	e := &entrance{keys: newKeys(t)}
	if way == "TLS" {
		s.TLS = e.keys.config(t, "none")
	}
	s.Auth = anyone
	e.harness = start(t, s)
	return e
}

// as connects as user.
func (e *entrance) as(t *testing.T, user string) net.Conn {
	t.Helper()
	return e.logIn(t, e.dial(t), user)
}

// logIn logs in as user on a connection that nothing was sent on.
func (e *entrance) logIn(t *testing.T, c net.Conn, user string) net.Conn {
	t.Helper()
	if e.TLS != nil {
		c = e.keys.dial(t, c, false)
	}
	send(t, c, append(append([]byte{5, 1, 2, 1, byte(len(user))}, user...), 1, 'p')...)
	expect(t, c, 5, 2, 1, 0)
	return c
}

// order sends a request as a user who has logged in, and wants a reply.
func order(t *testing.T, c net.Conn, command byte, to string, want socks5.Reply) netip.AddrPort {
	t.Helper()
	addr, err := socks5.ParseAddr(to)
	if err != nil {
		t.Fatal(err)
	}
	send(t, c, socks5.AppendAddr([]byte{5, command, 0}, addr)...)
	return reply(t, c, want)
}

// hangUp resets c, which ends a tunnel both ways.
func hangUp(t *testing.T, c net.Conn) {
	t.Helper()
	if over, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = over.NetConn()
	}
	if err := c.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestQuotaTLS(t *testing.T) {
	addr, _ := origin(t)
	cases := []struct {
		name    string
		quota   server.Quota
		command byte
		to      string
		other   byte // a command that the quota leaves alone
	}{
		{"connections", server.Quota{Conns: 2}, 1, addr, 0},
		{"BIND listeners", server.Quota{Binds: 2}, 2, "127.0.0.1:9", 1},
		{"associations", server.Quota{Associations: 2}, 3, "0.0.0.0:0", 1},
		{"associations of frames", server.Quota{Associations: 2}, 0xF3, "0.0.0.0:0", 1},
	}
	for _, way := range ways {
		for _, tc := range cases {
			t.Run(way+"/"+tc.name, func(t *testing.T) {
				e := enter(t, way, &server.Server{Limits: server.Limits{User: tc.quota}})
				first := e.as(t, "alice")
				order(t, first, tc.command, tc.to, socks5.Succeeded)
				order(t, e.as(t, "alice"), tc.command, tc.to, socks5.Succeeded)
				third := e.as(t, "alice")
				order(t, third, tc.command, tc.to, socks5.NotAllowed)
				third.Close()
				s := e.record(t)
				if !errors.Is(s.Err(), server.ErrQuota) || !errors.Is(s.Err(), server.ErrDenied) || !strings.Contains(s.Err().Error(), "user alice") {
					t.Errorf("record: %v", s.Err())
				}
				order(t, e.as(t, "bob"), tc.command, tc.to, socks5.Succeeded)
				if tc.other != 0 {
					order(t, e.as(t, "alice"), tc.other, addr, socks5.Succeeded)
				}
				hangUp(t, first)
				e.record(t)
				order(t, e.as(t, "alice"), tc.command, tc.to, socks5.Succeeded)
			})
		}
	}
}

// Those who are nobody in particular count by their address.
func TestQuotaOfNobody(t *testing.T) {
	h := start(t, &server.Server{Limits: server.Limits{User: server.Quota{Conns: 1}}})
	addr, _ := origin(t)
	ask(t, h.dial(t), 1, addr, socks5.Succeeded)
	c := h.dial(t)
	ask(t, c, 1, addr, socks5.NotAllowed)
	c.Close()
	if s := h.record(t); !strings.Contains(fmt.Sprint(s.Err()), "client 127.0.0.1") {
		t.Errorf("record: %v", s.Err())
	}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	other, err := dialer.DialContext(t.Context(), "tcp", h.addr)
	if err != nil {
		t.Skipf("no second loopback address: %v", err)
	}
	defer other.Close()
	ask(t, other, 1, addr, socks5.Succeeded)
}

// A session is in all of its quotas or in none: what one refuses takes nothing
// of the others.
func TestQuotasOfPolicy(t *testing.T) {
	l := new(law)
	wide, narrow := server.Quota{Name: "wide", Conns: 2}, server.Quota{Name: "narrow", Conns: 1}
	l.grant(wide, narrow)
	h := start(t, &server.Server{Policy: l})
	addr, _ := origin(t)
	ask(t, h.dial(t), 1, addr, socks5.Succeeded)
	for range 3 {
		c := h.dial(t)
		ask(t, c, 1, addr, socks5.NotAllowed)
		c.Close()
		if s := h.record(t); !strings.Contains(fmt.Sprint(s.Err()), "narrow") {
			t.Fatalf("record: %v", s.Err())
		}
	}
	l.grant(wide)
	ask(t, h.dial(t), 1, addr, socks5.Succeeded)
	ask(t, h.dial(t), 1, addr, socks5.NotAllowed)
	l.grant()
	ask(t, h.dial(t), 1, addr, socks5.Succeeded)
}

// A session that has come to an address is held to the quotas that come with it:
// one that is exhausted ends it before the target is told to the client, and a
// BIND's peer is turned away.
func TestQuotasOfTheAddress(t *testing.T) {
	l := new(law)
	f := func(s *server.Session, user server.Quota) []server.Quota {
		if !s.Resolved().IsValid() {
			return []server.Quota{user}
		}
		return []server.Quota{user, {Name: "there", Conns: 1}}
	}
	l.quotas.Store(&f)
	h := start(t, &server.Server{Policy: l, Limits: server.Limits{User: server.Quota{Conns: 3}}})
	addr, _ := origin(t)
	first := h.dial(t)
	ask(t, first, 1, addr, socks5.Succeeded)
	second := h.dial(t)
	ask(t, second, 1, addr, socks5.NotAllowed)
	second.Close()
	if s := h.record(t); !errors.Is(s.Err(), server.ErrQuota) || !strings.Contains(s.Err().Error(), "there") {
		t.Errorf("record: %v", s.Err())
	}
	third := h.dial(t)
	at := ask(t, third, 2, "0.0.0.0:0", socks5.Succeeded)
	turnedAway(t, "127.0.0.1", at.String())
	reply(t, third, socks5.NotAllowed)
	third.Close()
	h.record(t)
	hangUp(t, first)
	h.record(t)
	last := h.dial(t)
	ask(t, last, 1, addr, socks5.Succeeded)
	hangUp(t, last)
	h.record(t)
	noAccounts(t, h)
}

// Rejudge holds live sessions to the quotas of the moment, in both directions.
func TestRejudgeBringsQuotas(t *testing.T) {
	l := new(law)
	l.grant()
	h := start(t, &server.Server{Policy: l})
	addr, _ := origin(t)
	first, second := h.dial(t), h.dial(t)
	ask(t, first, 1, addr, socks5.Succeeded)
	ask(t, second, 1, addr, socks5.Succeeded)
	l.grant(server.Quota{Name: "all", Conns: 2})
	if ended := h.Rejudge(); ended != 0 {
		t.Errorf("%d sessions ended, want none", ended)
	}
	third := h.dial(t)
	ask(t, third, 1, addr, socks5.NotAllowed)
	third.Close()
	h.record(t)
	hangUp(t, first)
	h.record(t)
	ask(t, h.dial(t), 1, addr, socks5.Succeeded)
	l.grant(server.Quota{Name: "all", Conns: 1})
	h.Rejudge() // more than there may be, and they stay
	ask(t, h.dial(t), 1, addr, socks5.NotAllowed)
	l.grant()
	h.Rejudge()
	ask(t, h.dial(t), 1, addr, socks5.Succeeded)
}

// However sessions come and go while quotas change, nothing stays counted.
func TestQuotasAreGivenBack(t *testing.T) {
	l := new(law)
	h := start(t, &server.Server{Policy: l})
	addr, _ := origin(t)
	stop := make(chan struct{})
	var changing, asking sync.WaitGroup
	changing.Go(func() { // ends with stop
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			default:
				l.grant(server.Quota{Name: fmt.Sprint("quota ", i%3), Conns: 300}, server.Quota{Name: "all", Conns: 300})
				h.Rejudge()
			}
		}
	})
	for range 4 {
		asking.Go(func() {
			for range 20 {
				c := h.dial(t)
				ask(t, c, 1, addr, socks5.Succeeded)
				hangUp(t, c)
			}
		})
	}
	asking.Wait()
	close(stop)
	changing.Wait()
	for range 80 {
		h.record(t)
	}
	noAccounts(t, h)
}

// Connections of one address are counted before TLS and before a byte is read.
func TestConnsPerIPTLS(t *testing.T) {
	k := newKeys(t)
	h := start(t, &server.Server{TLS: k.config(t, "require"), Limits: server.Limits{ConnsPerIP: 2}})
	first := h.dial(t)
	h.dial(t)
	third := h.dial(t)
	over(t, third)
	s := h.record(t)
	if !errors.Is(s.Err(), server.ErrTooMany) || s.Stage() != server.StageAccept {
		t.Errorf("record: %v at %v", s.Err(), s.Stage())
	}
	first.Close()
	h.record(t)
	addr, _ := origin(t)
	ask(t, k.dial(t, h.dial(t), true), 1, addr, socks5.Succeeded)
}

func TestCrowdOf(t *testing.T) {
	cases := map[string]string{
		"192.0.2.7":            "192.0.2.7",
		"::ffff:192.0.2.7":     "192.0.2.7",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::",
		"2001:db8:1:2:ffff::":  "2001:db8:1:2::",
		"::1":                  "::1",
		"fe80::1%lo":           "fe80::",
	}
	for client, want := range cases {
		addr := net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(client), 9))
		if got := server.CrowdOf(addr); got.String() != want {
			t.Errorf("%s counts as %v, want %s", client, got, want)
		}
	}
	if got := server.CrowdOf(&net.UnixAddr{}); got.IsValid() {
		t.Errorf("a unix socket counts as %v, want none", got)
	}
}
