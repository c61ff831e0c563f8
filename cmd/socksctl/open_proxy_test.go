package main

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/internal/config"
)

// TestNoOpenProxyByAccident opens every set of listeners of which one is beyond
// loopback and has neither a login nor required certificates. None of them
// starts, and the one that is open is named; told to be open, all of them do.
func TestNoOpenProxyByAccident(t *testing.T) {
	g := newGrounds(t)
	for _, beyond := range []string{"0.0.0.0:0", "[::]:0", ":0"} {
		for name, c := range openServers(g, beyond) {
			t.Run(beyond+" "+name, func(t *testing.T) {
				v, err := newServe(c, nil, slog.New(slog.DiscardHandler))
				check(t, err)
				refusesToStart(t, v)
				c.InsecureOpenProxy = true
				v, err = newServe(c, nil, slog.New(slog.DiscardHandler))
				check(t, err)
				check(t, v.check())
				closeAll(slices.Concat(v.plain, v.secure))
			})
		}
	}
}

// openServers returns configurations whose listener at beyond lets anyone in.
func openServers(g *grounds, beyond string) map[string]*config.Server {
	const home = "127.0.0.1:0"
	all := map[string]*config.Server{
		"plain":                   {Listen: []string{beyond}},
		"plain, beside a private": {Listen: []string{home, beyond, fmt.Sprintf("unix:%s%d", g.file("s"), g.sockets.Add(1))}},
	}
	for _, auth := range []string{"none", "request", "require"} {
		secure := func(address string) config.TLS {
			c := g.config(gate{listener: auth}).TLS
			c.Listen = []string{address}
			return c
		}
		all["plain, beside TLS "+auth] = &config.Server{Listen: []string{beyond}, TLS: secure(home)}
		all["plain, beside TLS beyond "+auth] = &config.Server{Listen: []string{beyond}, TLS: secure(beyond)}
		if auth != "require" {
			all["TLS "+auth] = &config.Server{TLS: secure(beyond)}
			all["TLS, beside a private "+auth] = &config.Server{Listen: []string{home}, TLS: secure(beyond)}
		}
	}
	return all
}

// refusesToStart wants exit status 3, before a line is said, for a listener
// that is not on loopback.
func refusesToStart(t *testing.T, v *service) {
	t.Helper()
	var said strings.Builder
	err := v.run(streams{in: strings.NewReader(""), out: io.Discard, err: &said})
	if status(err) != exitConfiguration || said.Len() > 0 {
		t.Fatalf("got exit status %d (%v) and %q, want %d", status(err), err, said.String(), exitConfiguration)
	}
	for _, l := range slices.Concat(v.plain, v.secure) {
		named := strings.HasPrefix(err.Error(), shown(l.Addr())+": ")
		if private := strings.Contains(shown(l.Addr()), "127.0.0.1") || l.Addr().Network() == "unix"; private && named {
			t.Errorf("%v: %s is not open", err, l.Addr())
		}
		if named {
			return
		}
	}
	t.Errorf("%v: it names no listener", err)
}

// A listener on loopback that balancers connect to is no more private than they
// are, unless they are on loopback and it is said that their clients may go
// anywhere.
func TestNoOpenProxyBehindBalancers(t *testing.T) {
	for _, test := range []struct {
		trusted      string
		allowPrivate bool
		starts       bool
	}{
		{"10.0.0.0/8", false, false}, {"10.0.0.0/8", true, false}, {"127.0.0.1", false, false},
		{"127.0.0.1", true, true}, {"127.0.0.1,10.0.0.1", true, false}, {"::1", true, true},
	} {
		l, err := loadWith(t, "a.toml", "[server]\nlisten = [\"127.0.0.1:0\"]", "--proxy-protocol="+test.trusted,
			fmt.Sprintf("--allow-private=%v", test.allowPrivate))
		check(t, err)
		v, err := newServe(&l.Server, nil, slog.New(slog.DiscardHandler))
		check(t, err)
		if err := v.check(); (err == nil) != test.starts {
			t.Errorf("behind %s, --allow-private=%v: got %v", test.trusted, test.allowPrivate, err)
		}
		closeAll(v.plain)
	}
}

// A forwarder lends out its owner's certificate.
func TestNoOpenForwarderByAccident(t *testing.T) {
	g := newGrounds(t)
	open := func(change func(*config.Forward), local ...string) (*service, error) {
		c := &config.Forward{
			Local: local, Server: []string{"socks5+tls://localhost"}, CAPath: g.file("ca.crt"),
			CertificatePath: g.file("good.crt"), PrivateKeyPath: g.file("good.key"),
		}
		change(c)
		log := slog.New(slog.DiscardHandler)
		upstreams, err := newUpstreams(streams{err: io.Discard}, c, false, log)
		check(t, err)
		return newForward(upstreams, c, nil, log)
	}
	for _, local := range [][]string{{"0.0.0.0:0"}, {"[::]:0"}, {"127.0.0.1:0", "0.0.0.0:0"}} {
		v, err := open(func(*config.Forward) {}, local...)
		check(t, err)
		refusesToStart(t, v)
		for _, admit := range []func(c *config.Forward){
			func(c *config.Forward) { c.Users = g.file("users") },
			func(c *config.Forward) { c.InsecureOpenProxy = true },
			func(c *config.Forward) { c.ACL = g.file("allow from here") },
		} {
			v, err := open(admit, local...)
			check(t, err)
			check(t, v.check())
			closeAll(v.plain)
		}
		_, err = open(func(c *config.Forward) { c.ACL = g.file("allow from everywhere") }, local...)
		if status(err) != exitConfiguration || !namesOpen(err) {
			t.Errorf("rules that let in everyone: exit status %d and %v, want 3 and the listener beyond loopback", status(err), err)
		}
	}
}
