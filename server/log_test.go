package server_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// lines is a writer that may be read meanwhile.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// A session leaves one line, in which nothing that a client sent does anything
// to a terminal, and in which its password is not.
func TestLogLine(t *testing.T) {
	const evil = "a\x1b[31m\x7f\n\x00\xff\u009b"
	byName := login(func(_ context.Context, _ *server.Session, l server.Login) error {
		if l.Name != evil {
			return server.ErrLogin
		}
		return nil
	})
	for _, handler := range []func(*lines) slog.Handler{
		func(l *lines) slog.Handler { return slog.NewTextHandler(l, nil) },
		func(l *lines) slog.Handler { return slog.NewJSONHandler(l, nil) },
	} {
		out := new(lines)
		h := start(t, &server.Server{Auth: []server.Authenticator{byName}, Log: slog.New(handler(out))})
		for _, name := range []string{evil, "mallory"} {
			c := h.dial(t)
			send(t, c, 5, 1, 2)
			expect(t, c, 5, 2)
			send(t, c, append(append([]byte{1, byte(len(name))}, name...), "\x0ahunter2222"...)...)
			if name == evil {
				expect(t, c, 1, 0)
				send(t, c, append(append([]byte{5, 1, 0, 3, byte(len(evil))}, evil...), 0, 80)...)
				reply(t, c, socks5.HostUnreachable)
			} else {
				expect(t, c, 1, 1)
			}
			c.Close()
			h.record(t)
		}
		h.Close()
		got := out.b.String()
		if n := strings.Count(got, "\n"); n != 2 {
			t.Errorf("%d lines of 2 sessions:\n%s", n, got)
		}
		if i := strings.IndexFunc(strings.ReplaceAll(got, "\n", ""), func(r rune) bool { return unicode.IsControl(r) }); i >= 0 {
			t.Errorf("a control character got into the log: %q", got)
		}
		if strings.Contains(got, "hunter") {
			t.Errorf("the password is in the log: %s", got)
		}
		if strings.Count(got, "refused") < 2 || strings.Count(got, "WARN") != 2 {
			t.Errorf("want two warnings of refusals: %s", got)
		}
	}
}

// Every Observer of several is told, in order.
func TestObservers(t *testing.T) {
	var told []string
	o := server.Observers{named{"a", &told}, named{"b", &told}}
	s := &server.Server{Observer: o}
	l := listenTCP(t, "127.0.0.1:0")
	serveOn(t, s, l)
	addr, conns := origin(t)
	c := dialTCP(t, l.Addr().String())
	ask(t, c, 1, addr, socks5.Succeeded)
	next(t, "connection", conns)
	s.Close()
	if diff := cmp.Diff([]string{"a opened", "b opened", "a closed", "b closed"}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

type named struct {
	name string
	told *[]string
}

func (n named) Opened(*server.Session) { *n.told = append(*n.told, n.name+" opened") }
func (n named) Closed(*server.Session) { *n.told = append(*n.told, n.name+" closed") }

// conformance 26: what is switched off is 07, the private commands with UDP.
func TestCommandsBINDAndUDPSwitchedOff(t *testing.T) {
	commands := map[byte]server.Commands{1: server.CommandConnect, 2: server.CommandBind, 3: server.CommandUDP, 5: server.CommandUDP, 0xF3: server.CommandUDP}
	for on := range server.CommandConnect + server.CommandBind + server.CommandUDP + 1 {
		h := start(t, &server.Server{Commands: on, Outbound: reachable()})
		for command, bit := range commands {
			want := socks5.Succeeded
			if on != 0 && on&bit == 0 {
				want = socks5.CommandNotSupported
			}
			c := h.dial(t)
			ask(t, c, command, "192.0.2.1:9", want)
			c.Close()
		}
	}
}
