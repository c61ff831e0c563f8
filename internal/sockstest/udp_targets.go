package sockstest

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// udpDenied denies one target by its address, one by its name, and one name by
// the address that it stands for.
func udpDenied(t testing.TB, b *Bench) {
	forbidden := netip.AddrFrom4([4]byte{127, 0, 0, 9})
	dns := startNames(t, map[string][]netip.Addr{
		"good.test": {loopback4}, "denied.test": {loopback4}, "inside.test": {forbidden},
	})
	a := b.associate(t, b.start(t, Config{Resolver: dns.addr, Policy: func(stage, host string, addr netip.AddrPort) bool {
		return stage != "datagram" || host != "denied.test" && addr.Addr() != forbidden
	}}))
	a.judged(echoAt(t, loopback4), echoAt(t, forbidden))
}

// judged sends to e and to secret, by addresses and by the names that udpDenied
// speaks of, and wants nothing to come to secret.
func (a *association) judged(e, secret *echo) {
	a.t.Helper()
	for i, addr := range [][]byte{at(secret.addr), named("denied.test", e.addr.Port()), named("inside.test", secret.addr.Port())} {
		a.send(addr, []byte("denied"))
		a.drops("denied", int64(i+1))
	}
	a.works(e, "allowed")
	a.send(named("good.test", e.addr.Port()), []byte("by name"))
	a.expect(e.addr, []byte("by name"))
	if len(secret.got) > 0 || string(e.next().data) != "allowed" {
		a.t.Error("a denied datagram arrived")
	}
}

func udpAnswerDenied(t testing.TB, b *Bench) {
	quiet := echoAt(t, loopback4)
	a := b.associate(t, b.start(t, Config{Policy: func(stage, _ string, addr netip.AddrPort) bool {
		return stage != "answer" || addr != quiet.addr
	}}))
	a.send(at(quiet.addr), []byte("hello"))
	quiet.next()
	a.drops("denied", 1)
	a.works(echoAt(t, loopback4), "others may")
}

// udpSlowName holds one look-up back for as long as a hundred datagrams take.
func udpSlowName(t testing.TB, b *Bench) {
	dns := startNames(t, map[string][]netip.Addr{"slow.test": {loopback4}})
	a := b.associate(t, b.start(t, Config{Resolver: dns.addr}))
	e := echoAt(t, loopback4)
	a.send(named("slow.test", e.addr.Port()), []byte("slow"))
	eventually(t, "the look-up", func() bool { return dns.asked() > 0 })
	for i := range 100 {
		a.works(e, fmt.Sprint("fast ", i))
	}
	dns.free()
	a.expect(e.addr, []byte("slow"))
	asked := dns.asked()
	for i := range 10 { // answered from the cache
		a.send(named("slow.test", e.addr.Port()), fmt.Append(nil, i))
		a.expect(e.addr, fmt.Append(nil, i))
	}
	if n := dns.asked(); n != asked {
		t.Errorf("got %d more look-ups for a name that was answered, want none", n-asked)
	}
}

// udpLookups asks for more names at once than a server should look up at once.
func udpLookups(t testing.TB, b *Bench) {
	dns := startNames(t, nil)
	a := b.associate(t, b.start(t, Config{Resolver: dns.addr}))
	e := echoAt(t, loopback4)
	const many = 1000
	for i := range many {
		a.send(named(fmt.Sprintf("slow%d.test", i), 9), []byte("nobody"))
		if i%50 == 49 { // what came before has been taken in
			a.works(e, fmt.Sprint("alive ", i))
		}
	}
	if n := dns.mostWait.Load(); n >= many/2 {
		t.Errorf("got %d queries at once for %d names, want a bound", n, many)
	}
	if n := a.ep.Drops()["unresolved"]; n < many/2 {
		t.Errorf("got %d drops, want those of the look-ups past the bound", n)
	}
	dns.free()
	a.works(e, "alive at the end")
}

// udpNoLogin asks without the login that is due.
func udpNoLogin(t testing.TB, b *Bench) {
	ep := b.start(t, Config{Users: alice})
	w := b.dial(t, ep)
	w.send([]byte{0x05, 0x01, 0x00}, request(cmdUDP, nowhere()))
	w.expect([]byte{0x05, 0xFF})
	w.end()
	w = b.dial(t, ep)
	w.offerLogin()
	w.send(login("alice", "wrong"), request(cmdUDP, nowhere()))
	w.expect([]byte{0x01, 0x01})
	w.end()
	if n := ep.Dials(); n != 0 {
		t.Errorf("got %d UDP sockets, want none", n)
	}
}

func udpAfterEnd(t testing.TB, b *Bench) {
	a := b.associate(t, b.start(t, Config{}))
	e := echoAt(t, loopback4)
	a.works(e, "open")
	e.next()
	a.ctl.finish()
	a.ctl.end()
	a.relayGone()
	a.udp.WriteToUDPAddrPort(datagram(at(e.addr), []byte("late")), a.relay) // may meet the ICMP message
	direct := udpAt(t, loopback4)
	sendFrom(t, direct, e.addr, []byte("sentinel"))
	if got := e.next(); string(got.data) != "sentinel" {
		t.Errorf("the target got %q after the end of the association", got.data)
	}
}

// udpBadTargets sends to many hosts at once, and back into the relay.
func udpBadTargets(t testing.TB, b *Bench) {
	ep := b.start(t, Config{})
	a, other := b.associate(t, ep), b.associate(t, ep)
	e := echoAt(t, loopback4)
	a.works(e, "before")
	bad := []string{"224.0.0.1:9", "255.255.255.255:9", "[ff02::1]:9", "0.0.0.0:9", "[::]:9", a.relay.String(), other.relay.String()}
	for i, target := range bad {
		a.send(at(netip.MustParseAddrPort(target)), []byte("x"))
		eventually(t, target+" to be counted as dropped", func() bool { return a.ep.Drops()["denied"] == int64(i+1) })
	}
	a.works(e, "after")
	other.udp.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if n, _, err := other.udp.ReadFromUDPAddrPort(make([]byte, 16)); !timedOut(err) {
		t.Errorf("got %d bytes (%v) on the other association, want none", n, err)
	}
}
