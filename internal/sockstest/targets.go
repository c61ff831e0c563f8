package sockstest

import (
	"net/netip"
	"sync/atomic"
	"testing"
)

// Targets returns statements 18 to 20 and 32 to 35: the addresses of CONNECT and
// of its reply.
func Targets() []Statement {
	return []Statement{
		{"18_reply_has_the_outgoing_IPv4_address", outgoing4, nil},
		{"19_reply_has_the_outgoing_IPv6_address", outgoing6, nil},
		{"20_names_and_literals_as_names", literals, nil},
		{"20_literals_are_judged_as_addresses", literalsJudged, nil},
		{"32_unspecified_target", unspecified, nil},
		{"33_port_0", portZero, nil},
		{"34_own_listener", ownListener, nil},
		{"35_mapped_IPv4", mappedIPv4, nil},
		{"35_zone", zone, nil},
	}
}

var (
	loopback4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	loopback6 = netip.IPv6Loopback()
)

// outgoing compares a reply with what the target sees, to the byte.
func outgoing(t testing.TB, b *Bench, ip netip.Addr) {
	o := originAt(t, ip)
	w := b.dial(t, b.start(t, Config{}))
	w.greet()
	w.send(request(cmdConnect, at(o.addr)))
	from := tcpAddr(o.next().RemoteAddr())
	if from.Port() == 0 {
		t.Fatal("the target sees port 0")
	}
	w.expect(success(from))
}

func outgoing4(t testing.TB, b *Bench) { outgoing(t, b, loopback4) }
func outgoing6(t testing.TB, b *Bench) { outgoing(t, b, loopback6) }

// literals are taken with brackets and without; a reply never has ATYP 03.
func literals(t testing.TB, b *Bench) {
	ep := b.start(t, Config{})
	for host, ip := range map[string]netip.Addr{"localhost": loopback4, "127.0.0.1": loopback4, "::1": loopback6, "[::1]": loopback6} {
		o := originAt(t, ip)
		w := b.dial(t, ep)
		w.greet()
		w.send(request(cmdConnect, named(host, o.addr.Port())))
		w.expect(success(tcpAddr(o.next().RemoteAddr())))
	}
}

func literalsJudged(t testing.TB, b *Bench) {
	var asName atomic.Bool
	ep := b.start(t, Config{Policy: func(stage, host string, addr netip.AddrPort) bool {
		if !addr.Addr().IsValid() {
			asName.Store(true)
		}
		return !addr.Addr().IsLoopback()
	}})
	o := b.origin(t)
	for _, host := range []string{b.ip().String(), "[" + loopback6.String() + "]"} {
		b.dial(t, ep).refused(0x02, request(cmdConnect, named(host, o.addr.Port())))
	}
	o.unasked()
	if asName.Load() {
		t.Error("a literal was judged as a name")
	}
}

func unspecified(t testing.TB, b *Bench) { unspecifiedAt(t, b, b.start(t, Config{})) }

func unspecifiedAt(t testing.TB, b *Bench, ep *Endpoint) {
	o := b.origin(t)
	for _, addr := range [][]byte{
		at(netip.AddrPortFrom(netip.IPv4Unspecified(), o.addr.Port())),
		at(netip.AddrPortFrom(netip.IPv6Unspecified(), o.addr.Port())),
		at(netip.AddrPortFrom(netip.AddrFrom16(netip.IPv4Unspecified().As16()), o.addr.Port())),
		named("0.0.0.0", o.addr.Port()), named("::", o.addr.Port()),
	} {
		b.dial(t, ep).refused(0x02, request(cmdConnect, addr))
	}
	o.unasked()
}

func portZero(t testing.TB, b *Bench) {
	b.dial(t, b.start(t, Config{})).refused(0x05, request(cmdConnect, at(netip.AddrPortFrom(b.ip(), 0))))
}

// ownListener asks each server on the way for itself: the literal is refused by
// it, and a name, which leads elsewhere as well, by the last, who looks it up.
func ownListener(t testing.TB, b *Bench) { ownListenerAt(t, b, Config{}) }

func ownListenerAt(t testing.TB, b *Bench, c Config) {
	c.Resolver = startNames(t, map[string][]netip.Addr{"self.test": {loopback4, loopback6}}).addr
	ep := b.start(t, c)
	for _, hop := range ep.Hops {
		addr := netip.MustParseAddrPort(hop)
		spelled := [][]byte{at(addr), named(addr.Addr().String(), addr.Port())}
		if addr.Addr().Is4() {
			spelled = append(spelled, at(netip.AddrPortFrom(netip.AddrFrom16(addr.Addr().As16()), addr.Port())))
		}
		if hop == ep.Hops[len(ep.Hops)-1] {
			spelled = append(spelled, named("self.test", addr.Port()), named("SELF.test", addr.Port()))
		}
		for _, s := range spelled {
			b.dial(t, ep).refused(0x02, request(cmdConnect, s))
		}
	}
}

func mappedIPv4(t testing.TB, b *Bench) {
	var mapped atomic.Bool
	ep := b.start(t, Config{Policy: func(_, _ string, addr netip.AddrPort) bool {
		if addr.Addr().Is4In6() {
			mapped.Store(true)
		}
		return true
	}})
	o := originAt(t, loopback4)
	w := b.dial(t, ep)
	w.greet()
	w.send(request(cmdConnect, at(netip.AddrPortFrom(netip.AddrFrom16(loopback4.As16()), o.addr.Port()))))
	w.expect(success(tcpAddr(o.next().RemoteAddr())))
	if mapped.Load() {
		t.Error("the address was judged as IPv6")
	}
}

func zone(t testing.TB, b *Bench) {
	ep := b.start(t, Config{})
	for _, host := range []string{"fe80::1%lo", "[::1%lo]", "::1%1"} {
		b.dial(t, ep).refused(0x04, request(cmdConnect, named(host, 80)))
	}
	if n := ep.Dials(); n != 0 {
		t.Errorf("got %d dials, want none", n)
	}
}
