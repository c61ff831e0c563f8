//go:build !race && !windows

// Under the race detector sync.Pool drops at random, so that allocations say
// nothing there. On Windows package net allocates for each datagram.

package server_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// A datagram there and back, through a whole server that asks a policy
// about it both ways, allocates nothing.
func TestUDPAssociationDoesNotAllocate(t *testing.T) {
	asked := 0
	h := start(t, &server.Server{Policy: server.PolicyFunc(func(context.Context, *server.Session, server.Target) error {
		asked++ // one datagram is under way at a time
		return nil
	})})
	_, at, s := h.associate(t)
	app, echo := listenUDP(t), echoUDP(t)
	out, in := datagram(echo.String(), "payload"), make([]byte, 1500)
	got := testing.AllocsPerRun(300, func() {
		if _, err := app.WriteToUDPAddrPort(out, at); err != nil {
			t.Fatal(err)
		}
		if _, _, err := app.ReadFromUDPAddrPort(in); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations a datagram there and back, want 0", got)
	}
	if up, down := s.DatagramsUp.Load(), s.DatagramsDown.Load(); up != 301 || down != 301 || asked != 1+2*301 {
		t.Errorf("%d datagrams up, %d down, %d questions, want 301, 301 and 603", up, down, asked)
	}
}

// The same as frames on the control connection, by name.
func TestUDPFramesDoNotAllocate(t *testing.T) {
	z := &zone{records: map[string][]string{"echo.test": {"127.0.0.1"}}}
	h := start(t, &server.Server{Outbound: &server.Direct{Resolver: z.resolver(t)}})
	c := h.dial(t)
	ask(t, c, 0xF3, "0.0.0.0:0", socks5.Succeeded)
	echo := echoUDP(t)
	out := frame(fmt.Sprintf("echo.test:%d", echo.Port()), "payload")
	in := make([]byte, len(frame(echo.String(), "payload")))
	got := testing.AllocsPerRun(300, func() {
		send(t, c, out...)
		for n := 0; n < len(in); {
			m, err := c.Read(in[n:])
			if err != nil {
				t.Fatal(err)
			}
			n += m
		}
	})
	if got != 0 {
		t.Errorf("%v allocations a datagram there and back, want 0", got)
	}
}

// Nor does counting by far end, once each is known.
func TestRemotesDoNotAllocate(t *testing.T) {
	count := server.CountRemotes(64)
	if got := testing.AllocsPerRun(100, count); got != 0 {
		t.Errorf("%v allocations for 64 far ends, want 0", got)
	}
}

// BenchmarkRemotes counts one datagram. Many far ends in turn are the worst case.
func BenchmarkRemotes(b *testing.B) {
	for _, n := range []int{1, 64, server.MaxRemotes, 2 * server.MaxRemotes} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			count := server.CountRemotes(n)
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += n {
				count()
			}
		})
	}
}
