package sockstest

import (
	"net/netip"
	"testing"
	"time"
)

// strangersByRule has a rule against those who come before the peer: it is not
// asked, for they are not who was asked for.
func strangersByRule(t testing.TB, b *Bench) {
	other, expected := netip.AddrFrom4([4]byte{127, 0, 0, 3}), netip.AddrFrom4([4]byte{127, 0, 0, 2})
	ep := b.start(t, Config{Rules: ruleFor("*", "allow", `destinations = ["127.0.0.2"]`) + another("block", `destinations = ["127.0.0.3"]`)})
	w := b.dial(t, ep)
	bound := w.bindFor(netip.AddrPortFrom(expected, 0))
	for range 3 {
		turnedAway(t, other, bound)
	}
	w.silent(30 * time.Millisecond)
	peer := knockWire(t, expected, bound)
	w.expect(success(tcpAddr(peer.LocalAddr())))
	peer.send([]byte("hello"))
	w.expect([]byte("hello"))
}

func bindByRule(t testing.TB, b *Bench) {
	ep := b.start(t, Config{Rules: ruleFor("*", "allow", toLoopback) + another("block", `commands = ["bind"]`)})
	b.dial(t, ep).refused(0x02, request(cmdBind, at(b.anyone(0))))
	b.dial(t, ep).refused(0x02, request(cmdBind, at(netip.AddrPortFrom(b.ip(), 0))))
	if n := ep.Dials(); n != 0 {
		t.Errorf("got %d listeners, want none", n)
	}
}

// bindPeerByRule lets some peers in, of which the one that comes is none.
func bindPeerByRule(t testing.TB, b *Bench) {
	ep := b.start(t, Config{Rules: ruleFor("*", "allow", `destinations = ["192.0.2.0/24", "127.0.0.2"]`)})
	w := b.dial(t, ep)
	bound := w.bindFor(b.anyone(0))
	turnedAway(t, b.ip(), bound)
	w.expect(refusal(0x02))
	w.end()
	gone(t, bound)
	if b.IPv6 {
		return
	}
	w = b.dial(t, ep)
	peer := knockWire(t, netip.AddrFrom4([4]byte{127, 0, 0, 2}), w.bindFor(b.anyone(0)))
	w.expect(success(tcpAddr(peer.LocalAddr())))
}

// udpByRule denies one target by its address, one by its name, and one name by
// the address that it stands for.
func udpByRule(t testing.TB, b *Bench) {
	forbidden := netip.AddrFrom4([4]byte{127, 0, 0, 9})
	dns := startNames(t, map[string][]netip.Addr{
		"good.test": {loopback4}, "denied.test": {loopback4}, "inside.test": {forbidden},
	})
	a := b.associate(t, b.start(t, Config{Resolver: dns.addr, Rules: ruleFor("*", "allow", `destinations = ["127.0.0.1", "*.test"]`) +
		another("block", `destinations = ["denied.test"]`)}))
	a.judged(echoAt(t, loopback4), echoAt(t, forbidden))
}

// udpAnswerByRule lets everyone send to the app, but for one.
func udpAnswerByRule(t testing.TB, b *Bench) {
	blocked := netip.AddrFrom4([4]byte{127, 0, 0, 3})
	a := b.associate(t, b.start(t, Config{FullCone: true, Rules: ruleFor("*", "allow", toLoopback) +
		another("block", `destinations = ["127.0.0.3"]`)}))
	out := a.outgoingPort(echoAt(t, loopback4))
	sendFrom(t, udpAt(t, blocked), out, []byte("blocked"))
	a.drops("denied", 1)
	other := udpAt(t, netip.AddrFrom4([4]byte{127, 0, 0, 4}))
	sendFrom(t, other, out, []byte("welcome"))
	a.expect(udpAddr(other.LocalAddr()), []byte("welcome"))
}
