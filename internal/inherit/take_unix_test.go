//go:build unix

package inherit_test

import (
	"net"
	"testing"

	"github.com/socksctl/socksctl/internal/inherit"
)

// handed returns what a process takes over of all.
func handed(t *testing.T, all ...inherit.Listener) *inherit.Set {
	t.Helper()
	near, far := pair(t)
	result := offer(near, func(*inherit.Handover) {}, all...)
	takeover, err := inherit.Receive(far)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		takeover.Close()
		<-result
	})
	return takeover
}

// An address finds its listener by how it was written or by what it means, of
// whatever kind that was.
func TestTake(t *testing.T) {
	local, every := listen(t, "127.0.0.1:0"), listen(t, ":0")
	_, port, _ := net.SplitHostPort(local.Addr().String())
	_, everyPort, _ := net.SplitHostPort(every.Addr().String())
	for name, c := range map[string]struct {
		kind, address string
		want          net.Listener
	}{
		"as asked":               {"plain", "127.0.0.1:0", local},
		"as it is":               {"plain", "127.0.0.1:" + port, local},
		"by name":                {"plain", "localhost:" + port, local},
		"for another use":        {"tls", "127.0.0.1:" + port, local},
		"all, as asked":          {"tls", ":0", every},
		"all":                    {"tls", ":" + everyPort, every},
		"all of IPv4":            {"tls", "0.0.0.0:" + everyPort, every},
		"all of IPv6":            {"tls", "[::]:" + everyPort, every},
		"another use, any port":  {"tls", "127.0.0.1:0", nil},
		"another address":        {"plain", "127.0.0.2:" + port, nil},
		"one of all":             {"plain", "127.0.0.1:" + everyPort, nil},
		"all in place of one":    {"plain", ":" + port, nil},
		"another port":           {"plain", "127.0.0.1:1", nil},
		"a path":                 {"plain", "unix:127.0.0.1", nil},
		"no address":             {"plain", "127.0.0.1", nil},
		"nothing that was asked": {"plain", "", nil},
	} {
		set := handed(t, inherit.Listener{Listener: local, Kind: "plain", Asked: "127.0.0.1:0"}, inherit.Listener{Listener: every, Kind: "tls", Asked: ":0"})
		got, ok := set.Take(c.kind, c.address)
		if ok != (c.want != nil) || ok && got.Addr().String() != c.want.Addr().String() {
			t.Errorf("%s: got %v, %v, want %v", name, got.Listener, ok, c.want)
		}
		if ok {
			got.Close()
		}
	}
}

// What systemd passed is served though nothing names it, also by the next
// process.
func TestPassed(t *testing.T) {
	one, two, three := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	set := handed(t,
		inherit.Listener{Listener: one, Kind: "plain", Passed: true}, inherit.Listener{Listener: two, Kind: "tls", Passed: true},
		inherit.Listener{Listener: three, Kind: "plain", Asked: "127.0.0.1:0"})
	if !set.Has("plain") || !set.Has("tls") || set.Has("admin") {
		t.Error("it has others than it was given")
	}
	if got := set.Passed("plain"); len(got) != 1 || got[0].Addr().String() != one.Addr().String() || !got[0].Passed {
		t.Errorf("got %v", got)
	}
	if got := set.Passed("plain"); len(got) != 0 || !set.Has("plain") {
		t.Errorf("a second time: got %v", got)
	}
	var none *inherit.Set
	if _, ok := none.Take("plain", "127.0.0.1:0"); ok || none.Has("plain") || none.Passed("plain") != nil {
		t.Error("there is something in none")
	}
	none.Close()
}
