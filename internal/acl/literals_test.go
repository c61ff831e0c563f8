package acl_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/socksctl/socksctl/internal/acl"
	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

const everywhere = "[[users]]\nname = '*'\n[[users.rules]]\naction = 'allow'\ndestinations = ['*']\n"

// literals is spellings of addresses, by the address that they lead to.
func literals() map[string][]string {
	return map[string][]string{
		"127.0.0.1": {
			"127.0.0.1", "127.0.0.1.", "127.1", "127.1.", "127.0.1", "127.0.0x1", "127.0.01", "127.0.0.01", "127.0.0.0x1", "127.0.0.001",
			"0x7f.1", "0X7F.1", "0x7f.0.0.1", "0x7f.0x0.0x0.0x1", "0x7F.0.1", "0x0000000000007f.1", "0177.1", "0177.0.0.1", "0177.0.1", "0177.00.00.01", "00177.1",
			"2130706433", "2130706433.", "0x7f000001", "0X7F000001", "0x7F000001.", "017700000001", "[127.0.0.1]", "127.0.0.1%lo",
			"::ffff:127.0.0.1", "[::ffff:127.0.0.1]", "::FFFF:7f00:1", "::ffff:7f00:1", "0:0:0:0:0:ffff:7f00:0001", "::ffff:127.0.0.1%lo",
			"64:ff9b::7f00:1", "64:ff9b::127.0.0.1", "64:FF9B:0:0:0:0:7F00:1", "[64:ff9b::7f00:1]",
			"::127.0.0.1", "::7f00:1", "[::127.0.0.1]", "::ffff:0:127.0.0.1", "::ffff:0:7f00:1",
			"１２７.０.０.１", "127。0。0。1", "①②⑦.0.0.1", "127.0.0.1。", "１２７.1", "0ｘ7f.1", "127.0.0\u00ad.1",
		},
		"127.8.8.8":       {"127.8.8.8", "127.526344", "0x7f.8.2056", "0177.010.010.010", "::ffff:127.8.8.8", "64:ff9b::7f08:808", "::7f08:808"},
		"127.255.255.255": {"127.255.255.255", "127.16777215", "0x7f.0xffffff", "2147483647", "017777777777"},
		"0.0.0.0":         {"0.0.0.0", "0", "0x0", "00", "0.0", "::ffff:0.0.0.0", "64:ff9b::", "[::ffff:0:0]"},
		"::":              {"::", "[::]", "0::0", "0:0:0:0:0:0:0:0", "::0.0.0.0"},
		"::1":             {"::1", "[::1]", "0:0:0:0:0:0:0:1", "::0001", "::0.0.0.1", "::1.", "[::1].", "::1%lo", "[::1%1]", "：：１"},
		"169.254.169.254": {
			"169.254.169.254", "169.254.169.254.", "169.254.43518", "169.16689662", "2852039166", "0xa9fea9fe", "0xA9.0xFE.0xA9.0xFE", "0251.0376.0251.0376", "025177524776",
			"::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "64:ff9b::a9fe:a9fe", "::a9fe:a9fe", "::ffff:0:169.254.169.254", "１６９.２５４.１６９.２５４", "[::ffff:169.254.169.254]",
		},
		"100.100.100.200": {"100.100.100.200", "1684301000", "0x646464c8", "100.100.25800", "::ffff:100.100.100.200", "64:ff9b::6464:64c8"},
		"168.63.129.16":   {"168.63.129.16", "2822734096", "0xa83f8110", "168.4161808", "::ffff:168.63.129.16", "64:ff9b::a83f:8110"},
		"fd00:ec2::254":   {"fd00:ec2::254", "[fd00:ec2::254]", "FD00:0EC2:0:0:0:0:0:0254", "fd00:ec2::254%eth0", "fd00:ec2::0.0.2.84"},
		"fe80::1":         {"fe80::1", "[fe80::1]", "fe80::1%eth0", "FE80:0:0:0:0:0:0:1"},
		// These hold 127.0.0.1, 169.254.169.254 and 10.0.0.1, as 6to4 and Teredo do.
		"2002:7f00:1::":                        {"2002:7f00:1::", "2002:7f00:0001:0:0:0:0:0", "[2002:7F00:1::]"},
		"2002:a9fe:a9fe::1":                    {"2002:a9fe:a9fe::1"},
		"2001:0:a00:1:0:0:80ff:fffe":           {"2001:0:a00:1:0:0:80ff:fffe", "2001::a00:1:0:0:80ff:fffe"},
		"2001:0:4136:e378:8000:63bf:5601:5601": {"2001:0:4136:e378:8000:63bf:5601:5601"},
	}
}

// kindOf returns why an address is not let through.
func kindOf(ip netip.Addr) string {
	switch {
	case slices.Contains(addrs("169.254.169.254 100.100.100.200 168.63.129.16 fd00:ec2::254"), ip):
		return "metadata address"
	case ip.IsUnspecified():
		return "reserved address"
	case ip.IsLoopback():
		return "loopback address"
	case ip.IsLinkLocalUnicast():
		return "link-local address"
	}
	return "tunnel address"
}

// Each spelling is judged as the address it leads to: it is of that kind, and the
// rules for that address are about it.
func TestLiterals(t *testing.T) {
	spellings := 0
	for leads, all := range literals() {
		kind := "block: " + kindOf(netip.MustParseAddr(leads))
		one := fmt.Sprintf("[[users.rules]]\naction = '%%s'\ndestinations = ['%s']\n", leads)
		for _, c := range []struct {
			rules, want string
			o           acl.Options
		}{
			{everywhere, kind, acl.Options{}},
			{"[global]\ndefault_policy = 'allow'\n", kind, acl.Options{}},
			{everywhere + fmt.Sprintf(one, "allow"), "allow: user *, rule 2", acl.Options{}},
			{everywhere + fmt.Sprintf(one, "block"), "block: user *, rule 2", acl.Options{AllowPrivate: true}},
			{everywhere + fmt.Sprintf(one, "block"), "block: user *, rule 2", acl.Options{AllowPrivate: true, Unresolved: true}},
		} {
			p := policy(t, c.rules, c.o)
			for _, s := range all {
				for _, stage := range []server.Stage{server.StageRequest, server.StageDatagram} {
					if got := p.Decide(ask(stage, s, "", 80)).String(); got != c.want {
						t.Errorf("%s, which is %s: got %s, want %s", s, leads, got, c.want)
					}
				}
			}
		}
		spellings += len(all)
	}
	if spellings < 40 {
		t.Errorf("got %d spellings, want 40", spellings)
	}
}

// These are no literals, however they look.
func TestNoLiterals(t *testing.T) {
	p := policy(t, everywhere, acl.Options{})
	for _, name := range []string{"127.0.0.1.test", "1.2.3.4.5", "0x", "0x.1", "08.1", "256.1.1.1", "4294967296", "a.1", "0b1.1", "1_2.1", "+127.1", "-1"} {
		if got := p.Decide(ask(server.StageRequest, name, "", 1)).String(); got != "allow: user *, rule 1" {
			t.Errorf("%s: got %s, want it to be a name", name, got)
		}
	}
	for _, name := range []string{"a\ue000.test", "xn--a.ü", strings.Repeat("a.", 200)} {
		if d := p.Decide(ask(server.StageRequest, name, "", 1)); d.Allowed {
			t.Errorf("%q: got %v, want what cannot be compared to be refused", name, d)
		}
	}
}

// Sent for real, as names and as addresses, to a server that allows everything,
// for which moreover every name leads to loopback, no spelling leads there.
func TestLiteralsSent(t *testing.T) {
	loopback := addrs("127.0.0.1 ::1")
	x := serve(t, policy(t, everywhere, acl.Options{}), liar(func(string, dnsmessage.Type) []netip.Addr { return loopback }).resolver(t))
	trapped := setTrap(t)
	trapped.works(t)
	for _, all := range literals() {
		for _, s := range all {
			got := x.connect(t, named(s, trapped.port))
			if got != socks5.NotAllowed && got != socks5.HostUnreachable { // 04 is for what is no name at all
				t.Errorf("%s as a name: got %v, want %v", s, got, socks5.NotAllowed)
			}
			if ip, err := netip.ParseAddr(s); err == nil && ip.Zone() == "" {
				if got := x.connect(t, at(ip, trapped.port)); got != socks5.NotAllowed {
					t.Errorf("%s as an address: got %v, want %v", s, got, socks5.NotAllowed)
				}
			}
		}
	}
	if n := x.dials.Load(); n != 0 {
		t.Errorf("got %d dials, want none", n)
	}
	if got := x.connect(t, named("inside.test", trapped.port)); got != socks5.NotAllowed {
		t.Errorf("a name: got %v, want %v", got, socks5.NotAllowed)
	}
	trapped.empty(t)
}

// The same in datagrams, of the spellings that would stay on this host.
func TestLiteralsInDatagrams(t *testing.T) {
	x := serve(t, policy(t, everywhere, acl.Options{}), liar(func(string, dnsmessage.Type) []netip.Addr { return addrs("127.0.0.1") }).resolver(t))
	trapped := setTrap(t)
	trapped.works(t)
	c := x.dial(t)
	defer c.Close()
	code, relay := x.ask(t, c, socks5.Associate, at(netip.IPv4Unspecified(), 0))
	if code != socks5.Succeeded {
		t.Fatalf("associate: %v", code)
	}
	app, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(relay))
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	var sent int64
	send := func(dst []byte) {
		app.Write(append(append([]byte{0, 0, 0}, dst...), "hello"...))
		sent++
		until(t, "the datagram to be dropped", func() bool { return x.dropped() == sent })
	}
	for _, s := range append(literals()["127.0.0.1"], literals()["::1"]...) {
		ip, err := netip.ParseAddr(s)
		if err == nil && !ip.Unmap().IsLoopback() {
			continue
		}
		send(named(s, trapped.port))
		if err == nil && ip.Zone() == "" {
			send(at(ip, trapped.port))
		}
	}
	trapped.empty(t)
}
