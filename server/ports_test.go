package server_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

func TestPortRange(t *testing.T) {
	for s, want := range map[string]server.PortRange{
		"40000-40999": {First: 40000, Last: 40999}, "1-65535": {First: 1, Last: 65535}, "8080": {First: 8080, Last: 8080},
	} {
		got, err := server.ParsePortRange(s)
		if err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", s, got, err, want)
		}
		if again, err := server.ParsePortRange(got.String()); again != want || err != nil {
			t.Errorf("%s: String gives %q, which reads %v, %v", s, got.String(), again, err)
		}
	}
	for _, s := range []string{"", "-", "0", "0-9", "9-8", "1-65536", "a-b", "1-2-3", "-5", "5-"} {
		if got, err := server.ParsePortRange(s); err == nil || !strings.Contains(err.Error(), strconv.Quote(s)) {
			t.Errorf("%q: got %v, %v, want an error that shows it", s, got, err)
		}
	}
}

func TestPortRangeContains(t *testing.T) {
	cases := []struct {
		in       server.PortRange
		yes, not []uint16
	}{
		{server.PortRange{}, []uint16{0, 1, 65535}, nil},
		{server.PortRange{First: 10, Last: 12}, []uint16{10, 11, 12}, []uint16{0, 9, 13}},
		{server.PortRange{First: 10}, []uint16{10}, []uint16{0, 9, 11}},
	}
	for _, c := range cases {
		if slices.ContainsFunc(c.yes, func(p uint16) bool { return !c.in.Contains(p) }) || slices.ContainsFunc(c.not, c.in.Contains) {
			t.Errorf("%+v: want it to contain %v and not %v", c.in, c.yes, c.not)
		}
	}
}

// freeRange returns n ports in a row that nobody uses, and holds none. They are
// where systems place no sockets by themselves.
func freeRange(n int) server.PortRange {
	for {
		if first := 21000 + rand.IntN(10000); free(first, n) {
			return server.PortRange{First: uint16(first), Last: uint16(first + n - 1)}
		}
	}
}

func free(first, n int) bool {
	for port := first; port < first+n; port++ {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		l, err := net.Listen("tcp", address)
		if err != nil {
			return false
		}
		l.Close()
		p, err := net.ListenPacket("udp", address)
		if err != nil {
			return false
		}
		p.Close()
	}
	return true
}

// Both users of a range take each of its ports once, and then say what is wrong.
func TestPortsOfBINDAndUDP(t *testing.T) {
	for name, command := range map[string]byte{"BIND": 2, "UDP": 3} {
		t.Run(name, func(t *testing.T) {
			r := freeRange(3)
			h := start(t, &server.Server{Outbound: &server.Direct{Ports: r}, Ports: r})
			var got []uint16
			for range 3 {
				got = append(got, ask(t, h.dial(t), command, "127.0.0.1:0", socks5.Succeeded).Port())
			}
			slices.Sort(got)
			if want := []uint16{r.First, r.First + 1, r.First + 2}; !slices.Equal(got, want) {
				t.Errorf("got ports %v, want %v", got, want)
			}
			ask(t, h.dial(t), command, "127.0.0.1:0", socks5.GeneralFailure)
			if s := h.record(t); s.Err() == nil || !strings.Contains(s.Err().Error(), "every port of the range is taken") {
				t.Errorf("got %v, want what is wrong", s.Err())
			}
		})
	}
}

// A range that is no range must not take the server down.
func TestPortRangeReversed(t *testing.T) {
	first := freeRange(1).First
	d := &server.Direct{Ports: server.PortRange{First: first, Last: 9}}
	l, err := d.Listen(context.Background(), "tcp", "127.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if got := l.Addr().(*net.TCPAddr).Port; got != int(first) {
		t.Errorf("got port %d, want %d", got, first)
	}
	if _, err := d.Listen(context.Background(), "tcp", "127.0.0.1:9"); err == nil || errors.Is(err, net.ErrClosed) {
		t.Errorf("a second listener: got %v, want an error", err)
	}
}
