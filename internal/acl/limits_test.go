package acl_test

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/socksctl/socksctl/internal/acl"
	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

const limited = `
[[groups]]
name = "staff"
[groups.limits]
max_conns = 20
bandwidth = "512KiB"
[[groups.rules]]
action = "allow"
description = "downloads"
destinations = ["*.cdn.test"]
limits = { max_conns = 2, bandwidth = "1MB" }
[[groups.rules]]
action = "allow"
destinations = ["203.0.113.0/24"]
limits = { max_binds = 3 }

[[groups]]
name = "guests"
limits = { max_conns = 5, max_binds = 1, bandwidth = 2048, datagrams = 0 }

[[users]]
name = "alice"
groups = ["staff", "guests"]
limits = { max_associations = 7, datagrams = 1000 }

[[users]]
name = "bob"
limits = { max_conns = 0, bandwidth = "0" }

[[users]]
name = "*"
limits = { max_targets = 9, max_associations = 4, bandwidth = "1GiB" }
[[users.rules]]
action = "allow"
commands = ["udp"]
limits = { datagrams = 50 }
`

// defaults is what the server's flags say of a user.
func defaults(name string) server.Quota {
	return server.Quota{Name: name, Conns: 100, Binds: 10, Associations: 10, Bandwidth: 1 << 20, Datagrams: 100, Targets: 64}
}

// session returns one that asked for host.
func session(user, command, host string, groups ...string) *server.Session {
	return &server.Session{
		Client:   &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)},
		Identity: server.Identity{User: user, Groups: groups}, Command: command, Host: host, Port: 80,
	}
}

// What a user's own limits leave out, the first group says that says it, then
// everyone's, then the server's. A rule's come beside those.
func TestQuotas(t *testing.T) {
	p := policy(t, limited, acl.Options{})
	alice := server.Quota{Name: "user alice", Conns: 20, Binds: 1, Associations: 7, Bandwidth: 512 << 10, Datagrams: 1000, Targets: 9}
	for name, c := range map[string]struct {
		session *server.Session
		base    string
		want    []server.Quota
	}{
		"groups in order":      {session("alice", "connect", "a.test"), "user alice", []server.Quota{alice}},
		"a rule's beside":      {session("alice", "connect", "x.CDN.test."), "user alice", []server.Quota{alice, {Name: "user alice, group staff, rule 1", Conns: 2, Bandwidth: 1e6}}},
		"a rule's by address":  {session("alice", "bind", "203.0.113.9"), "user alice", []server.Quota{alice, {Name: "user alice, group staff, rule 2", Binds: 3}}},
		"an association's":     {session("alice", "udp", "0.0.0.0"), "user alice", []server.Quota{alice, {Name: "user alice, user *, rule 1", Datagrams: 50}}},
		"0 is no limit":        {session("bob", "connect", "a.test"), "user bob", []server.Quota{{Name: "user bob", Binds: 10, Associations: 4, Datagrams: 100, Targets: 9}}},
		"the verifier's group": {session("carol", "connect", "a.test", "guests"), "user carol", []server.Quota{{Name: "user carol", Conns: 5, Binds: 1, Associations: 4, Bandwidth: 2048, Targets: 9}}},
		"after the file's":     {session("alice", "connect", "a.test", "guests"), "user alice", []server.Quota{alice}},
		"nobody in particular": {session("", "connect", "a.test"), "client 192.0.2.1", []server.Quota{{Name: "client 192.0.2.1", Conns: 100, Binds: 10, Associations: 4, Bandwidth: 1 << 30, Datagrams: 100, Targets: 9}}},
		"blocked in between":   {session("dave", "connect", "203.0.113.9"), "user dave", []server.Quota{{Name: "user dave", Conns: 100, Binds: 10, Associations: 4, Bandwidth: 1 << 30, Datagrams: 100, Targets: 9}}},
	} {
		if diff := cmp.Diff(c.want, p.Quotas(c.session, defaults(c.base))); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

func TestBandwidth(t *testing.T) {
	for text, want := range map[string]int64{
		"'10MiB'": 10 << 20, "'512KiB'": 512 << 10, "'1MB'": 1e6, "'2kB'": 2000, "'2KB'": 2000, "'1 GiB'": 1 << 30, "'3GB'": 3e9,
		"'1024'": 1024, "1000000": 1e6, "'4096B'": 4096, "'0'": 0, "'0MiB'": 0,
	} {
		p := policy(t, "[[users]]\nname='*'\nlimits={bandwidth="+text+"}", acl.Options{})
		if got := p.Quotas(session("a", "connect", "a.test"), server.Quota{Bandwidth: 7777})[0].Bandwidth; got != want {
			t.Errorf("%s: got %d, want %d", text, got, want)
		}
	}
}

// A rule's limits hold for what it let through: by the address, for a name that
// has it, and for each client by itself.
func TestQuotasServed(t *testing.T) {
	const rules = `
[[users]]
name = "*"
limits = { max_conns = 3 }
[[users.rules]]
action = "allow"
destinations = ["127.0.0.0/8"]
limits = { max_conns = 1 }
[[users.rules]]
action = "allow"
destinations = ["free.test"]
priority = 1
`
	x := serve(t, policy(t, rules, acl.Options{}), liar(func(string, dnsmessage.Type) []netip.Addr { return addrs("127.0.0.1") }).resolver(t))
	target, open := listen(t), 0
	for i, c := range []struct {
		from, name string
		want       socks5.Reply
	}{
		{"127.0.0.1", "a.test", socks5.Succeeded},
		{"127.0.0.1", "b.test", socks5.NotAllowed}, // the rule's one is taken
		{"127.0.0.2", "a.test", socks5.Succeeded},  // by somebody else
		{"127.0.0.1", "free.test", socks5.Succeeded},
		{"127.0.0.1", "free.test", socks5.Succeeded},
		{"127.0.0.1", "free.test", socks5.NotAllowed}, // everyone's three are
	} {
		conn := x.dialFrom(t, c.from)
		defer conn.Close()
		if code, _ := x.ask(t, conn, socks5.Connect, named(c.name, target)); code != c.want {
			t.Errorf("%d: %s from %s: got %v, want %v", i, c.name, c.from, code, c.want)
		}
		if c.want == socks5.Succeeded {
			open++
			continue
		}
		conn.Close()
		until(t, "who was refused to be gone", func() bool { return len(slices.Collect(x.Sessions())) == open })
	}
}
