package sockstest

import (
	"fmt"
	"io"
	"net/netip"
	"testing"
)

// Rules returns statements 20, 26, 32, 34, 35, 40, 41, 50, 53 and 65 as a rule
// file keeps them, for a server that counts as one beyond loopback.
func Rules() []Statement {
	return []Statement{
		{"20_literals_by_rule", literalsByRule, nil},
		{"26_BIND_and_UDP_denied_by_rule", commandsByRule, parsing},
		{"32_unspecified_target_by_rule", unspecifiedByRule, nil},
		{"34_own_listener_by_rule", ownListenerByRule, nil},
		{"35_mapped_IPv4_by_rule", mappedByRule, nil},
		{"40_all_addresses_denied_by_rule", addressesByRule, nil},
		{"40_rebinding_by_rule", rebindingByRule, nil},
		{"41_denied_by_rule", deniedByRule, nil},
		{"41_denied_by_rule_of_a_forwarder", deniedNear, forwarded},
		{"41_denied_by_user", deniedByUser, nil},
		{"50_BIND_strangers_by_rule", strangersByRule, ipv4},
		{"53_BIND_denied_by_rule", bindByRule, nil},
		{"53_BIND_peer_denied_by_rule", bindPeerByRule, nil},
		{"65_UDP_denied_by_rule", udpByRule, nil},
		{"65_UDP_answer_denied_by_rule", udpAnswerByRule, nil},
	}
}

// ruleFor is a rule for a user, who may be "*".
func ruleFor(user, action, more string) string {
	return fmt.Sprintf("[[users]]\nname = '%s'\n%s", user, another(action, more))
}

// another is one more rule for the same user.
func another(action, more string) string {
	return fmt.Sprintf("[[users.rules]]\naction = '%s'\n%s\n", action, more)
}

// toLoopback lets everyone go wherever this host's own addresses lead.
const toLoopback = `destinations = ["127.0.0.0/8", "::1"]`

// literalsByRule lets everyone go to loopback by one name alone.
func literalsByRule(t testing.TB, b *Bench) {
	dns := startNames(t, map[string][]netip.Addr{"inside.test": {b.ip()}, "127.1": {b.ip()}, "other.test": {b.ip()}})
	ep := b.start(t, Config{Resolver: dns.addr, Rules: ruleFor("*", "allow", `destinations = ["inside.test", "*.test", "0.0.0.0/0", "::/0", "*"]`)})
	o := b.origin(t)
	for _, host := range []string{"127.0.0.1", "::1", "[::1]", "127.1", "0x7f.1", "2130706433", "127.0.0.1.", "::ffff:127.0.0.1", "other.test"} {
		b.dial(t, ep).refused(0x02, request(cmdConnect, named(host, o.addr.Port())))
	}
	o.unasked()
	w := b.dial(t, ep)
	w.greet()
	w.send(request(cmdConnect, named("Inside.TEST", o.addr.Port())))
	w.expect(success(tcpAddr(o.next().RemoteAddr())))
}

func commandsByRule(t testing.TB, b *Bench) {
	ep := b.start(t, Config{Rules: ruleFor("*", "allow", `commands = ["connect"]`+"\n"+toLoopback)})
	for _, cmd := range []byte{cmdBind, cmdUDP} {
		b.dial(t, ep).refused(0x02, request(cmd, nowhere()))
	}
	if n := ep.Dials(); n != 0 {
		t.Errorf("got %d dials, want none", n)
	}
	o := b.origin(t)
	b.dial(t, ep).connect(at(o.addr))
	o.next()
}

// unspecifiedByRule has rules that would let it through.
func unspecifiedByRule(t testing.TB, b *Bench) {
	ep := b.start(t, Config{Rules: ruleFor("*", "allow", `destinations = ["0.0.0.0", "::", "0.0.0.0/8", "127.0.0.0/8", "::1"]`)})
	unspecifiedAt(t, b, ep)
}

// ownListenerByRule has rules that would let it through.
func ownListenerByRule(t testing.TB, b *Bench) {
	ownListenerAt(t, b, Config{Rules: ruleFor("*", "allow", `destinations = ["127.0.0.0/8", "::1", "self.test"]`)})
}

// mappedByRule denies the IPv4 address on one port, and allows it on all.
func mappedByRule(t testing.TB, b *Bench) {
	o, secret := originAt(t, loopback4), originAt(t, loopback4)
	ep := b.start(t, Config{Rules: ruleFor("*", "allow", `destinations = ["127.0.0.1"]`) +
		another("block", fmt.Sprintf("destinations = ['127.0.0.1']\nports = %d", secret.addr.Port()))})
	mapped := netip.AddrFrom16(loopback4.As16())
	w := b.dial(t, ep)
	w.greet()
	w.send(request(cmdConnect, at(netip.AddrPortFrom(mapped, o.addr.Port()))))
	w.expect(success(tcpAddr(o.next().RemoteAddr())))
	b.dial(t, ep).refused(0x02, request(cmdConnect, at(netip.AddrPortFrom(mapped, secret.addr.Port()))))
	secret.unasked()
}

// addressesByRule allows every name, and of the addresses one.
func addressesByRule(t testing.TB, b *Bench) {
	dns := startNames(t, map[string][]netip.Addr{"two.test": {loopback4, loopback6}, "six.test": {loopback6}})
	ep := b.start(t, Config{Resolver: dns.addr, Rules: "[global]\ndefault_policy = 'allow'\n" + ruleFor("*", "allow", `destinations = ["127.0.0.1"]`)})
	o, six := originAt(t, loopback4), originAt(t, loopback6)
	b.dial(t, ep).refused(0x02, request(cmdConnect, named("six.test", six.addr.Port())))
	if dns.asked() == 0 {
		t.Error("the name was not looked up")
	}
	six.unasked()
	b.dial(t, ep).connect(named("two.test", o.addr.Port()))
	o.next()
}

// rebindingByRule asks for a name that leads to loopback at one time and to an
// address that must not be dialled from a test at another.
func rebindingByRule(t testing.TB, b *Bench) {
	elsewhere := netip.MustParseAddr("192.0.2.1")
	dns := startNames(t, map[string][]netip.Addr{
		"turning.test": {elsewhere, loopback4, elsewhere, loopback6, loopback4}, "both.test": {elsewhere, loopback4, loopback6},
	})
	o := b.origin(t)
	ep := b.start(t, Config{Resolver: dns.addr, Rules: "[global]\ndefault_policy = 'allow'\n" + ruleFor("*", "block", `destinations = ["192.0.2.0/24"]`)})
	for range 20 {
		for _, name := range []string{"turning.test", "both.test"} {
			w := b.dial(t, ep)
			w.greet()
			w.send(request(cmdConnect, named(name, o.addr.Port())))
			if rep := w.refusedAnyhow(); rep != 0x02 && rep != 0x04 { // 04: it turned between the two types of address
				t.Errorf("%s: got REP %02x, want 02", name, rep)
			}
		}
	}
	o.unasked()
}

// refusedAnyhow reads a reply and the end, and returns REP.
func (w *wire) refusedAnyhow() byte {
	w.t.Helper()
	var reply [10]byte
	if _, err := io.ReadFull(w, reply[:]); err != nil {
		w.t.Fatalf("read the reply: %v", err)
	}
	w.end()
	return reply[1]
}

func deniedByRule(t testing.TB, b *Bench) {
	dns := startNames(t, map[string][]netip.Addr{"denied.test": {b.ip()}, "www.denied.test": {b.ip()}, "other.test": {b.ip()}})
	o := b.origin(t)
	ep := b.start(t, Config{Resolver: dns.addr, Rules: ruleFor("*", "allow", toLoopback) +
		another("block", fmt.Sprintf("destinations = ['**.denied.test', '%s']\nports = %d", b.ip(), o.addr.Port()))})
	for _, addr := range [][]byte{at(o.addr), named("denied.test", o.addr.Port()), named("WWW.Denied.Test.", o.addr.Port())} {
		b.dial(t, ep).refused(0x02, request(cmdConnect, addr))
	}
	if n := ep.Dials(); n != 0 {
		t.Errorf("got %d dials, want none", n)
	}
	if n := dns.asked(); n != 0 {
		t.Errorf("got %d look-ups, want none", n)
	}
	b.dial(t, ep).refused(0x02, request(cmdConnect, named("other.test", o.addr.Port()))) // by its address
	o.unasked()
}

// deniedNear denies before the server is asked, which has no rules.
func deniedNear(t testing.TB, b *Bench) {
	dns := startNames(t, map[string][]netip.Addr{"denied.test": {b.ip()}, "other.test": {b.ip()}})
	o := b.origin(t)
	ep := b.start(t, Config{Resolver: dns.addr, NearRules: ruleFor("*", "block", `destinations = ["denied.test", "127.0.0.0/8", "::1"]`) +
		another("allow", `destinations = ["*"]`)})
	for _, addr := range [][]byte{at(o.addr), named("Denied.test", o.addr.Port()), named("127.1", o.addr.Port())} {
		b.dial(t, ep).refused(0x02, request(cmdConnect, addr))
	}
	if n := ep.Dials(); n != 0 {
		t.Errorf("got %d dials, want none", n)
	}
	b.dial(t, ep).connect(named("other.test", o.addr.Port())) // which the server alone looks up
	o.next()
}

// deniedByUser has the rules where the login is: at the forwarder, if there is
// one.
func deniedByUser(t testing.TB, b *Bench) {
	c := Config{Users: map[string]User{"alice": {Password: "a"}, "bob": {Password: "b"}}}
	rules := &c.Rules
	if b.Hops > 0 {
		rules = &c.NearRules
	}
	*rules = ruleFor("alice", "allow", toLoopback)
	ep, o := b.start(t, c), b.origin(t)
	w := b.dial(t, ep)
	w.logIn("bob", "b")
	w.send(request(cmdConnect, at(o.addr)))
	w.expect(refusal(0x02))
	w.end()
	o.unasked()
	w = b.dial(t, ep)
	w.logIn("alice", "a")
	w.send(request(cmdConnect, at(o.addr)))
	w.bound()
	o.next()
}
