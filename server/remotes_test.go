package server_test

import (
	"fmt"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// Each far end of an association is counted by itself, and answers of an address
// with what was sent to the name that stands for it.
func TestRemotes(t *testing.T) {
	z := &zone{records: map[string][]string{"echo.test": {"127.0.0.1"}}}
	h := start(t, &server.Server{Outbound: &server.Direct{Resolver: z.resolver(t)}})
	c, at, s := h.associate(t)
	one, other, app := echoUDP(t), echoUDPAt(t, "127.0.0.2"), listenUDP(t)
	name := fmt.Sprintf("echo.test:%d", one.Port())
	for _, d := range []struct{ to, data, from string }{
		{name, "four", one.String()}, {other.String(), "three", other.String()}, {name, "", one.String()}, {one.String(), "by address", one.String()},
	} {
		sendUDP(t, app, at, datagram(d.to, d.data))
		expectUDP(t, app, datagram(d.from, d.data))
	}
	c.Close()
	if h.record(t) != s {
		t.Fatal("not the record of the association")
	}
	want := []server.Remote{
		{Host: "echo.test", Addr: one, DatagramsUp: 3, DatagramsDown: 3, BytesUp: 14, BytesDown: 14},
		{Addr: other, DatagramsUp: 1, DatagramsDown: 1, BytesUp: 5, BytesDown: 5},
	}
	got := s.Remotes()
	ignored := cmpopts.IgnoreFields(server.Remote{}, "First", "Last")
	if diff := cmp.Diff(want, got, ignored, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, r := range got {
		if r.First.Before(s.Start) || r.Last.Before(r.First) || r.Last.After(s.Active()) {
			t.Errorf("%v: first %v, last %v, of a session from %v that was active at %v", r.Addr, r.First, r.Last, s.Start, s.Active())
		}
	}
}

// Other commands have none.
func TestNoRemotes(t *testing.T) {
	h := start(t, &server.Server{})
	h.tunnel(t)
	if got := h.admitted(t).Remotes(); got != nil {
		t.Errorf("got %v", got)
	}
}

// What there is no room for is counted as one.
func TestRemotesAreBounded(t *testing.T) {
	h := start(t, &server.Server{})
	c := h.dial(t)
	ask(t, c, 0xF3, "0.0.0.0:0", socks5.Succeeded)
	const more = 100
	for round := range 2 {
		for i := range server.MaxRemotes + more {
			send(t, c, frame(fmt.Sprintf("127.0.%d.%d:9", 1+i>>8, i&0xFF), "x")...)
		}
		c.SetDeadline(time.Now().Add(patience))
		if round == 1 {
			c.CloseWrite()
		}
	}
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Fatal(err)
	}
	all := h.record(t).Remotes()
	if len(all) != server.MaxRemotes+1 {
		t.Fatalf("%d far ends, want %d", len(all), server.MaxRemotes+1)
	}
	for i, r := range all {
		switch {
		case i < server.MaxRemotes && (r.DatagramsUp != 2 || r.Addr.Port() != 9):
			t.Errorf("no. %d, %v: %d datagrams, want 2", i, r.Addr, r.DatagramsUp)
		case i == server.MaxRemotes && (r.DatagramsUp != 2*more || r.BytesUp != 2*more || r.Addr != netip.AddrPort{} || r.Host != "" || r.First.IsZero()):
			t.Errorf("the rest: %+v, want %d datagrams", r, 2*more)
		}
	}
}
