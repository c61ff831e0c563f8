package sockstest

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// UDP returns statements 56 to 67 (RFC 1928, sections 6 and 7).
func UDP() []Statement {
	return []Statement{
		{"33_UDP_declared_address_is_not_looked_up", udpDeclaredName, nil},
		{"56_UDP_relay", udpRelay, nil},
		{"57_UDP_fragments", udpFragments, nil},
		{"58_UDP_malformed", udpMalformed, nil},
		{"58_UDP_unresolvable_and_unreachable", udpUnreachable, nil},
		{"59_UDP_stranger", udpStranger, ipv4},
		{"60_UDP_first_port_counts", udpFirstPort, nil},
		{"60_UDP_roaming", udpRoaming, nil},
		{"61_UDP_declared_port", udpDeclared, nil},
		{"61_UDP_foreign_declared_address", udpForeign, nil},
		{"62_UDP_answers_of_contacted_hosts_only", udpUnasked, nil},
		{"62_UDP_full_cone", udpFullCone, nil},
		{"63_UDP_ends_with_the_connection", udpEnds, nil},
		{"63_UDP_junk_on_the_connection", udpJunk, nil},
		{"63_UDP_idle", udpIdle, nil},
		{"64_UDP_empty_and_largest", udpSizes, nil},
		{"65_UDP_denied", udpDenied, nil},
		{"65_UDP_answer_denied", udpAnswerDenied, nil},
		{"66_UDP_slow_name_holds_up_nothing", udpSlowName, nil},
		{"66_UDP_lookups_are_bounded", udpLookups, nil},
		{"67_UDP_without_a_login", udpNoLogin, parsing},
		{"67_UDP_after_the_end", udpAfterEnd, nil},
		{"67_UDP_targets_that_cannot_be", udpBadTargets, nil},
	}
}

// udpDeclaredName declares addresses as programs do: none is a reason to
// refuse, and none is looked up.
func udpDeclaredName(t testing.TB, b *Bench) {
	dns := noNames(t)
	ep := b.start(t, Config{Resolver: dns.addr})
	e := echoAt(t, loopback4)
	for _, declared := range [][]byte{
		named("0", 0), named("", 0), named("some.test", 4000), named("::", 0), named("bad\x00name", 0),
		at(netip.AddrPortFrom(netip.IPv6Unspecified(), 0)), at(netip.MustParseAddrPort("192.0.2.1:0")),
	} {
		b.declare(t, ep, udpAt(t, b.ip()), declared).works(e, "hint")
	}
	if n := dns.asked(); n != 0 {
		t.Errorf("got %d look-ups, want none", n)
	}
}

// udpRelay sends to IPv4, IPv6 and a name on one association, and compares what
// arrives and what comes back to the byte.
func udpRelay(t testing.TB, b *Bench) {
	dns := startNames(t, map[string][]netip.Addr{"echo.test": {loopback4}})
	ep := b.start(t, Config{Resolver: dns.addr})
	a := b.associate(t, ep)
	near := netip.MustParseAddrPort(ep.Addr)
	if a.relay.Addr() != near.Addr() || a.relay.Port() == near.Port() {
		t.Errorf("got the relay %v, want a port of its own on %v", a.relay, near.Addr())
	}
	four, six := echoAt(t, loopback4), echoAt(t, loopback6)
	for i, target := range []struct {
		addr []byte
		echo *echo
	}{
		{at(four.addr), four}, {at(six.addr), six}, {named("echo.test", four.addr.Port()), four},
		{named("::1", six.addr.Port()), six}, {at(netip.AddrPortFrom(netip.AddrFrom16(loopback4.As16()), four.addr.Port())), four},
	} {
		data := fmt.Appendf(nil, "datagram %d", i)
		a.send(target.addr, data)
		if got := target.echo.next(); !bytes.Equal(got.data, data) {
			t.Errorf("the target got %q, want %q", got.data, data)
		}
		a.expect(target.echo.addr, data)
	}
}

func udpFragments(t testing.TB, b *Bench) {
	a := b.associate(t, b.start(t, Config{}))
	e := echoAt(t, loopback4)
	for i, frag := range []byte{0x01, 0x7F, 0x80, 0xFF} {
		d := datagram(at(e.addr), []byte("fragment"))
		d[2] = frag
		a.raw(d)
		a.works(e, fmt.Sprint("whole ", i))
	}
	a.drops("fragment", 4)
}

func udpMalformed(t testing.TB, b *Bench) {
	a := b.associate(t, b.start(t, Config{}))
	e := echoAt(t, loopback4)
	whole := datagram(at(e.addr), nil)
	reserved := datagram(at(e.addr), []byte("x"))
	reserved[1] = 1
	bad := [][]byte{
		{}, whole[:3], whole[:9], {0, 0, 0, 0x02, 127, 0, 0, 1, 0, 9, 'x'}, {0, 0, 0, 0x03, 200, 'a', 'b'}, reserved,
	}
	for i, d := range bad {
		a.raw(d)
		a.works(e, fmt.Sprint("good ", i))
	}
	a.drops("malformed", int64(len(bad)))
}

func udpUnreachable(t testing.TB, b *Bench) {
	a := b.associate(t, b.start(t, Config{Resolver: noNames(t).addr}))
	e := echoAt(t, loopback4)
	a.works(e, "before")
	a.send(named("nx.test", 9), []byte("nobody"))
	a.send(named("fail.test", 9), []byte("nobody"))
	a.drops("unresolved", 2)
	a.send(named("", 9), []byte("nobody"))
	a.drops("malformed", 1)
	for range 3 {
		a.send(at(deafPort(t, loopback4)), []byte("nobody")) // answered by ICMP
		a.works(e, "alive")
	}
}

// udpStranger sends from another address before the client and after. In the
// direct modes that address is of another host as far as the server can tell.
func udpStranger(t testing.TB, b *Bench) {
	a := b.associate(t, b.start(t, Config{}))
	e := echoAt(t, loopback4)
	stranger := udpAt(t, netip.AddrFrom4([4]byte{127, 0, 0, 2}))
	sendFrom(t, stranger, a.relay, datagram(at(e.addr), []byte("not mine")))
	a.drops("stranger", 1)
	a.works(e, "mine")
	sendFrom(t, stranger, a.relay, datagram(at(e.addr), []byte("not mine")))
	a.drops("stranger", 2)
	a.works(e, "still mine")
	if got := []string{string(e.next().data), string(e.next().data)}; got[0] != "mine" || got[1] != "still mine" {
		t.Errorf("the target got %q, want the client's datagrams alone", got)
	}
}

func udpFirstPort(t testing.TB, b *Bench) {
	a := b.associate(t, b.start(t, Config{}))
	e := echoAt(t, loopback4)
	other := udpAt(t, b.ip())
	sendFrom(t, other, a.relay, []byte{0, 0, 1}) // not valid, so it decides nothing
	a.works(e, "first")
	sendFrom(t, other, a.relay, datagram(at(e.addr), []byte("second")))
	a.drops("stranger", 1)
	a.works(e, "first again") // and the answer comes here
}

func udpRoaming(t testing.TB, b *Bench) {
	a := b.associate(t, b.start(t, Config{UDPRoaming: true}))
	e := echoAt(t, loopback4)
	a.works(e, "first")
	other := udpAt(t, b.ip())
	sendFrom(t, other, a.relay, datagram(at(e.addr), []byte("moved")))
	a.expectAt(other, e.addr, []byte("moved"))
	sendFrom(t, a.udp, a.relay, []byte{0, 0, 1}) // dropped, so answers stay where they go
	sendFrom(t, other, a.relay, datagram(at(e.addr), []byte("stayed")))
	a.expectAt(other, e.addr, []byte("stayed"))
}

// udpDeclared declares the app's own address and port, which are enforced.
func udpDeclared(t testing.TB, b *Bench) {
	udp := udpAt(t, b.ip())
	a := b.declare(t, b.start(t, Config{}), udp, at(udpAddr(udp.LocalAddr())))
	e := echoAt(t, loopback4)
	sendFrom(t, udpAt(t, b.ip()), a.relay, datagram(at(e.addr), []byte("too early")))
	a.drops("stranger", 1)
	a.works(e, "declared")
}

// udpForeign declares an address that is not the app's: its port is not
// believed either.
func udpForeign(t testing.TB, b *Bench) {
	ep := b.start(t, Config{})
	e := echoAt(t, loopback4)
	for _, declared := range []string{"192.0.2.1:4000", "0.0.0.0:4000", "[::]:4000", "[2001:db8::1]:4000", "127.77.0.1:4000"} {
		a := b.declare(t, ep, udpAt(t, b.ip()), at(netip.MustParseAddrPort(declared)))
		a.works(e, "behind NAT")
	}
}

// outgoingPort returns where the association's datagrams come from.
func (a *association) outgoingPort(e *echo) netip.AddrPort {
	a.t.Helper()
	for len(e.got) > 0 {
		<-e.got
	}
	a.works(e, "who am I")
	return e.next().from
}

func udpUnasked(t testing.TB, b *Bench) {
	a := b.associate(t, b.start(t, Config{}))
	e := echoAt(t, loopback4)
	out := a.outgoingPort(e)
	sendFrom(t, udpAt(t, netip.AddrFrom4([4]byte{127, 0, 0, 3})), out, []byte("unasked"))
	a.drops("unasked", 1)
	a.works(e, "asked")
}

func udpFullCone(t testing.TB, b *Bench) {
	a := b.associate(t, b.start(t, Config{FullCone: true}))
	out := a.outgoingPort(echoAt(t, loopback4))
	other := udpAt(t, netip.AddrFrom4([4]byte{127, 0, 0, 3}))
	sendFrom(t, other, out, []byte("unasked"))
	a.expect(udpAddr(other.LocalAddr()), []byte("unasked"))
}

func udpEnds(t testing.TB, b *Bench) {
	ep := b.start(t, Config{})
	for _, leave := range []func(*wire){(*wire).finish, (*wire).abort} {
		a := b.associate(t, ep)
		a.works(echoAt(t, loopback4), "open")
		leave(a.ctl)
		a.relayGone()
	}
	eventually(t, "the sessions to end", func() bool { return ep.Live() == 0 })
}

func udpJunk(t testing.TB, b *Bench) {
	a := b.associate(t, b.start(t, Config{}))
	e := echoAt(t, loopback4)
	a.ctl.send(pattern(100_000, 63))
	a.works(e, "open")
	a.ctl.silent(20 * time.Millisecond)
}

// udpIdle lets a stranger send all the time, where there can be one, which is
// no traffic.
func udpIdle(t testing.TB, b *Bench) {
	a := b.associate(t, b.start(t, Config{UDPIdle: 2 * time.Second}))
	a.works(echoAt(t, loopback4), "open")
	if !b.IPv6 {
		stop, done := make(chan struct{}), make(chan struct{})
		defer func() { close(stop); <-done }()
		stranger := udpAt(t, netip.AddrFrom4([4]byte{127, 0, 0, 2}))
		go func() {
			defer close(done)
			for {
				stranger.WriteToUDPAddrPort(datagram(nowhere(), nil), a.relay)
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
		}()
	}
	a.ctl.end()
	a.relayGone()
}

func udpSizes(t testing.TB, b *Bench) {
	a := b.associate(t, b.start(t, Config{}))
	e := echoAt(t, loopback4)
	for _, size := range []int{0, 1, 1400, 16_384, 65_497, 0} {
		data := pattern(size, uint64(size))
		a.send(at(e.addr), data)
		if got := e.next(); !bytes.Equal(got.data, data) {
			t.Fatalf("the target got %s, want %s", brief(got.data), brief(data))
		}
		a.expect(e.addr, data)
	}
}
