package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// ending is one way for a session to end.
type ending struct {
	server  *server.Server
	talk    func(t *testing.T, h *harness)
	want    server.EndReason
	refusal socks5.Reply
}

// Every kind of end has a word of its own, and a refused request its code.
func TestEndReasons(t *testing.T) {
	for _, kind := range []map[string]ending{keptOut(), neverAsked(t), refused(t), opened()} {
		for name, c := range kind {
			t.Run(name, func(t *testing.T) {
				t.Parallel() // a server waits for a client that it refused to hang up
				h := start(t, c.server)
				c.talk(t, h)
				s := h.record(t)
				if s.EndReason() != c.want || s.Refusal() != byte(c.refusal) {
					t.Errorf("got %q and %02x with %v at %v, want %q and %02x", s.EndReason(), s.Refusal(), s.Err(), s.Stage(), c.want, byte(c.refusal))
				}
			})
		}
	}
}

// keptOut is those that the server would not have.
func keptOut() map[string]ending {
	no := func(*server.Session, net.Conn) error { return errEnd }
	return map[string]ending{
		"gate":  {&server.Server{Gate: no}, func(t *testing.T, h *harness) { h.knock(t) }, server.EndDenied, 0},
		"login": {new(server.Server), func(t *testing.T, h *harness) { send(t, h.dial(t), 5, 1, 2) }, server.EndLogin, 0},
		"one too many": {&server.Server{Limits: server.Limits{ConnsPerIP: 1}}, func(t *testing.T, h *harness) {
			h.tunnel(t)
			h.knock(t)
		}, server.EndLimit, 0},
		"gave way": {&server.Server{Limits: server.Limits{Handshakes: 1}}, func(t *testing.T, h *harness) {
			h.dial(t)
			h.dial(t)
		}, server.EndLimit, 0},
	}
}

// neverAsked is those that ask for nothing.
func neverAsked(t *testing.T) map[string]ending {
	secure := newKeys(t).config(t, certs.ClientAuthNone)
	return map[string]ending{
		"no TLS":       {&server.Server{TLS: secure}, func(t *testing.T, h *harness) { send(t, h.dial(t), []byte("GET / HTTP/1.1")...) }, server.EndTLS, 0},
		"hung up":      {new(server.Server), func(t *testing.T, h *harness) { h.dial(t).Close() }, server.EndUnasked, 0},
		"hung up, TLS": {&server.Server{TLS: secure}, func(t *testing.T, h *harness) { h.dial(t).Close() }, server.EndUnasked, 0},
		"hung up in TLS": {&server.Server{TLS: secure}, func(t *testing.T, h *harness) {
			c := h.dial(t)
			send(t, c, 0x16, 3, 1, 2)
			c.Close()
		}, server.EndTLS, 0},
		"reset at once": {new(server.Server), func(t *testing.T, h *harness) {
			c := h.dial(t)
			c.SetLinger(0)
			c.Close()
		}, server.EndUnasked, 0},
		"hung up after the login": {new(server.Server), func(t *testing.T, h *harness) {
			c := h.dial(t)
			greet(t, c)
			c.Close()
		}, server.EndUnasked, 0},
		"hung up in between": {new(server.Server), func(t *testing.T, h *harness) {
			c := h.dial(t)
			send(t, c, 5, 1)
			c.Close()
		}, server.EndIncomplete, 0},
		"other version": {new(server.Server), func(t *testing.T, h *harness) { send(t, h.dial(t), 4) }, server.EndIncomplete, 0},
		"too slow":      {&server.Server{Limits: server.Limits{Handshake: 1}}, func(t *testing.T, h *harness) { h.dial(t) }, server.EndIncomplete, 0},
	}
}

// refused is those that are told a code.
func refused(t *testing.T) map[string]ending {
	taken := listenTCP(t, "127.0.0.1:0")
	closed := taken.Addr().String()
	taken.Close()
	asking := func(command byte, want socks5.Reply) func(*testing.T, *harness) {
		return func(t *testing.T, h *harness) { ask(t, h.dial(t), command, closed, want) }
	}
	deny := server.PolicyFunc(func(context.Context, *server.Session, server.Target) error { return errEnd })
	return map[string]ending{
		"quota": {&server.Server{Limits: server.Limits{User: server.Quota{Conns: 1}}}, func(t *testing.T, h *harness) {
			h.tunnel(t)
			ask(t, h.dial(t), 1, closed, socks5.NotAllowed)
		}, server.EndQuota, socks5.NotAllowed},
		"policy":             {&server.Server{Policy: deny}, asking(1, socks5.NotAllowed), server.EndDenied, socks5.NotAllowed},
		"no such command":    {new(server.Server), asking(9, socks5.CommandNotSupported), server.EndFailed, socks5.CommandNotSupported},
		"connection refused": {new(server.Server), asking(1, socks5.ConnectionRefused), server.EndFailed, socks5.ConnectionRefused},
		"shut down after that": {new(server.Server), func(t *testing.T, h *harness) {
			ask(t, h.dial(t), 1, closed, socks5.ConnectionRefused)
			h.Close()
		}, server.EndFailed, socks5.ConnectionRefused},
		"nobody came": {&server.Server{Limits: server.Limits{BindWait: 1}}, func(t *testing.T, h *harness) {
			c := h.dial(t)
			ask(t, c, 2, "0.0.0.0:0", socks5.Succeeded)
			reply(t, c, socks5.TTLExpired)
		}, server.EndFailed, socks5.TTLExpired},
	}
}

// opened is those that were admitted, and got what they asked for.
func opened() map[string]ending {
	return map[string]ending{
		"in order": {new(server.Server), func(t *testing.T, h *harness) {
			client, target := h.tunnel(t)
			client.Close()
			target.Close()
		}, server.EndOK, 0},
		"idle": {&server.Server{Limits: server.Limits{Idle: 1}}, func(t *testing.T, h *harness) { h.tunnel(t) }, server.EndIdle, 0},
		"reset": {new(server.Server), func(t *testing.T, h *harness) {
			client, _ := h.tunnel(t)
			h.admitted(t)
			client.SetLinger(0)
			client.Close()
		}, server.EndAborted, 0},
		"hung up while waiting": {new(server.Server), func(t *testing.T, h *harness) {
			c := h.dial(t)
			ask(t, c, 2, "0.0.0.0:0", socks5.Succeeded)
			c.Close()
		}, server.EndAborted, 0},
		"shutdown": {new(server.Server), func(t *testing.T, h *harness) {
			h.tunnel(t)
			h.Close()
		}, server.EndShutdown, 0},
		"killed": {new(server.Server), func(t *testing.T, h *harness) {
			h.tunnel(t)
			h.admitted(t).End(errEnd)
		}, server.EndKilled, 0},
	}
}

// stages keeps what it is told of stages.
type stages struct {
	closed
	mu     sync.Mutex
	passed []string
}

func (p *stages) Passed(_ *server.Session, stage server.Stage, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.passed = append(p.passed, fmt.Sprint(stage, " ", took))
}

// What a session has passed is told as it goes, and with the time it took.
func TestStagesPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeys(t)
		told := new(stages)
		m := serveMemory(t, &server.Server{
			TLS: k.config(t, certs.ClientAuthNone), Observer: server.Observers{new(closed), told},
			Auth: []server.Authenticator{login(func(context.Context, *server.Session, server.Login) error { time.Sleep(4); return nil })},
			Outbound: outbound{dial: func(context.Context) (net.Conn, error) {
				time.Sleep(6)
				return nil, errors.Join(errEnd, socks5.HostUnreachable)
			}},
		})
		raw := m.dial()
		time.Sleep(2)
		c := k.dial(t, raw, false)
		time.Sleep(3)
		send(t, c, 5, 1, 2)
		expect(t, c, 5, 2)
		send(t, c, 1, 1, 'u', 1, 'p')
		expect(t, c, 1, 0)
		time.Sleep(5)
		request(t, c, 1)
		reply(t, c, socks5.HostUnreachable)
		c.Close()
		synctest.Wait()
		want := []string{"accept 0s", "tls 2ns", "greeting 3ns", "login 4ns", "request 5ns"}
		if diff := cmp.Diff(want, told.passed); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// Decisions count what was asked about sessions, and not every datagram.
func TestDecisions(t *testing.T) {
	port := server.PolicyFunc(func(_ context.Context, _ *server.Session, t server.Target) error {
		if t.Port() == 9 {
			return errEnd
		}
		return nil
	})
	h := start(t, &server.Server{Policy: port})
	h.tunnel(t)
	ask(t, h.dial(t), 1, "127.0.0.1:9", socks5.NotAllowed)
	ask(t, h.dial(t), 1, h.addr, socks5.NotAllowed) // its own port, which the Policy allows
	c := h.dial(t)
	ask(t, c, 0xF3, "0.0.0.0:0", socks5.Succeeded)
	send(t, c, frame("127.0.0.1:9", "x")...)
	c.Close()
	for range 3 {
		h.record(t)
	}
	if allowed, denied := h.Decisions(); allowed != 3 || denied != 2 {
		t.Errorf("got %d allowed and %d denied, want 3 and 2", allowed, denied)
	}
	free := start(t, new(server.Server))
	free.tunnel(t)
	ask(t, free.dial(t), 1, free.addr, socks5.NotAllowed)
	if allowed, denied := free.Decisions(); allowed != 0 || denied != 1 {
		t.Errorf("without a Policy: got %d allowed and %d denied, want 0 and 1", allowed, denied)
	}
}

// A session that the server ends while it dials is told nothing: a code would be
// the target's.
func TestEndedSessionGetsNoReply(t *testing.T) {
	for range 50 {
		h := start(t, &server.Server{Outbound: outbound{}})
		c := h.dial(t)
		greet(t, c)
		request(t, c, 1)
		h.admitted(t)
		h.Close()
		if rest, _ := io.ReadAll(c); len(rest) > 0 {
			t.Fatalf("got % x, want nothing", rest)
		}
	}
}
