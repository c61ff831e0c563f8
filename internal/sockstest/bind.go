package sockstest

import (
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/errno"
)

// BIND returns statements 48 to 55 (RFC 1928, sections 4 and 6).
func BIND() []Statement {
	return []Statement{
		{"48_BIND_two_replies", bindReplies, nil},
		{"49_BIND_port_asked_for", bindPort, nil},
		{"49_BIND_port_range", bindRange, nil},
		{"50_BIND_only_the_peer_asked_for", bindPeer, nil},
		{"50_BIND_strangers", bindStrangers, ipv4},
		{"51_BIND_client_closes", bindClientCloses, nil},
		{"52_BIND_timeout", bindTimeout, nil},
		{"53_BIND_denied", bindDenied, nil},
		{"53_BIND_peer_denied", bindPeerDenied, nil},
		{"54_BIND_early_bytes", bindEarly, nil},
		{"55_BIND_address", bindAddress, nil},
		{"55_BIND_advertised_address", bindAdvertised, nil},
	}
}

// bindFor greets, asks for a BIND and returns the address of reply 1.
func (w *wire) bindFor(dst netip.AddrPort) netip.AddrPort {
	w.t.Helper()
	w.greet()
	w.send(request(cmdBind, at(dst)))
	return w.bound()
}

// anyone returns the unspecified address of the mode's family, and a port.
func (b *Bench) anyone(port uint16) netip.AddrPort {
	if b.IPv6 {
		return netip.AddrPortFrom(netip.IPv6Unspecified(), port)
	}
	return netip.AddrPortFrom(netip.IPv4Unspecified(), port)
}

// gone wants connections to a BIND listener to be refused.
func gone(t testing.TB, listener netip.AddrPort) {
	t.Helper()
	eventually(t, "the BIND listener to be closed", func() bool {
		conn, err := knock(listener.Addr(), listener)
		if err == nil {
			conn.SetLinger(0)
			conn.Close()
		}
		return errno.Is(err, syscall.ECONNREFUSED)
	})
}

// turnedAway connects to a BIND listener and wants to be cut off without a byte.
// The RST may come before connect(2) returns.
func turnedAway(t testing.TB, from netip.Addr, listener netip.AddrPort) {
	t.Helper()
	conn, err := knock(from, listener)
	if errno.Is(err, syscall.ECONNRESET) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	w := newWire(t, conn)
	if _, err := w.Write([]byte("let me in")); err != nil {
		return // it met the RST, and a read would say EOF now
	}
	if n, err := drain(w); n != 0 || err == nil || timedOut(err) {
		t.Fatalf("got %d bytes (%v), want to be cut off", n, err)
	}
}

func bindReplies(t testing.TB, b *Bench) {
	w := b.dial(t, b.start(t, Config{}))
	bound := w.bindFor(b.anyone(0))
	if bound.Addr().IsUnspecified() || bound.Port() == 0 {
		t.Fatalf("got %v in reply 1, want an address to connect to", bound)
	}
	w.silent(30 * time.Millisecond) // reply 2 waits for the peer
	peer := knockWire(t, b.ip(), bound)
	w.expect(success(tcpAddr(peer.LocalAddr())))
	gone(t, bound) // a third party is refused
	halfClosed(w, peer, 0)
}

// bindPort asks for ports that are free, taken, and not for clients.
func bindPort(t testing.TB, b *Bench) {
	ep := b.start(t, Config{})
	got := func(port uint16) uint16 {
		w := b.dial(t, ep)
		bound := w.bindFor(b.anyone(port))
		peer := knockWire(t, b.ip(), bound)
		w.expect(success(tcpAddr(peer.LocalAddr())))
		w.abort()
		return bound.Port()
	}
	served := false
	for range 5 { // another process may take a port that was free
		free := freePort(t, b.ip())
		served = served || got(free) == free
	}
	if !served {
		t.Error("the port asked for is never the one that is opened, though free")
	}
	taken := b.origin(t).addr.Port()
	if got(taken) == taken {
		t.Errorf("got port %d, which is taken", taken)
	}
	if port := got(80); port < 1024 {
		t.Errorf("got port %d, want none below 1024", port)
	}
}

func bindRange(t testing.TB, b *Bench) {
	const first, last = 41000, 41999
	ep := b.start(t, Config{Ports: [2]uint16{first, last}})
	for _, port := range []uint16{0, 50000, 1024} {
		bound := b.dial(t, ep).bindFor(b.anyone(port))
		if bound.Port() < first || bound.Port() > last {
			t.Errorf("asked for port %d, got %d, want one of the range", port, bound.Port())
		}
	}
}

// bindPeer names the peer, whose port does not matter.
func bindPeer(t testing.TB, b *Bench) {
	ep := b.start(t, Config{})
	for _, port := range []uint16{0, 9, 65535} {
		w := b.dial(t, ep)
		bound := w.bindFor(netip.AddrPortFrom(b.ip(), port))
		peer := knockWire(t, b.ip(), bound)
		w.expect(success(tcpAddr(peer.LocalAddr())))
		peer.send([]byte("220 "))
		w.expect([]byte("220 "))
	}
}

// bindStrangers lets others than the peer connect first. Nothing is asked of
// the rules about them.
func bindStrangers(t testing.TB, b *Bench) {
	other, expected := netip.AddrFrom4([4]byte{127, 0, 0, 3}), netip.AddrFrom4([4]byte{127, 0, 0, 2})
	var strangers atomic.Int32
	ep := b.start(t, Config{Policy: func(stage, _ string, addr netip.AddrPort) bool {
		if stage == "peer" && addr.Addr() == other {
			strangers.Add(1)
		}
		return true
	}})
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
	if n := strangers.Load(); n != 0 {
		t.Errorf("the rules were asked about strangers %d times, want never", n)
	}
}

func bindClientCloses(t testing.TB, b *Bench) {
	ep := b.start(t, Config{})
	for _, leave := range []func(*wire){(*wire).finish, (*wire).abort} {
		w := b.dial(t, ep)
		bound := w.bindFor(b.anyone(0))
		leave(w)
		gone(t, bound)
	}
	eventually(t, "the sessions to end", func() bool { return ep.Live() == 0 })
}

func bindTimeout(t testing.TB, b *Bench) {
	w := b.dial(t, b.start(t, Config{BindWait: 150 * time.Millisecond}))
	bound := w.bindFor(b.anyone(0))
	w.expect(refusal(0x06))
	w.end()
	gone(t, bound)
}

func bindDenied(t testing.TB, b *Bench) {
	ep := b.start(t, Config{Policy: func(stage, _ string, _ netip.AddrPort) bool { return stage != "request" }})
	b.dial(t, ep).refused(0x02, request(cmdBind, at(b.anyone(0))))
	b.dial(t, ep).refused(0x02, request(cmdBind, at(netip.AddrPortFrom(b.ip(), 0))))
	if n := ep.Dials(); n != 0 {
		t.Errorf("got %d listeners, want none", n)
	}
}

func bindPeerDenied(t testing.TB, b *Bench) {
	w := b.dial(t, b.start(t, Config{Policy: func(stage, _ string, _ netip.AddrPort) bool { return stage != "peer" }}))
	bound := w.bindFor(b.anyone(0))
	turnedAway(t, b.ip(), bound)
	w.expect(refusal(0x02))
	w.end()
	gone(t, bound)
}

func bindEarly(t testing.TB, b *Bench) {
	w := b.dial(t, b.start(t, Config{}))
	w.greet()
	w.send(request(cmdBind, at(b.anyone(0))), []byte("with the request, "))
	bound := w.bound()
	w.send([]byte("before the peer, "))
	w.silent(30 * time.Millisecond)
	peer := knockWire(t, b.ip(), bound)
	w.expect(success(tcpAddr(peer.LocalAddr())))
	w.send([]byte("and after"))
	w.finish()
	peer.expect([]byte("with the request, before the peer, and after"))
	peer.end()
}

// bindAddress compares the address of a BIND for a peer with that of a CONNECT
// to it, and of one for anyone with that of the control connection.
func bindAddress(t testing.TB, b *Bench) {
	ep := b.start(t, Config{})
	o := b.origin(t)
	w := b.dial(t, ep)
	source := w.connect(at(o.addr))
	if bound := b.dial(t, ep).bindFor(o.addr); bound.Addr() != source.Addr() {
		t.Errorf("got %v for a peer to which CONNECT goes from %v", bound, source)
	}
	last := netip.MustParseAddrPort(ep.Hops[len(ep.Hops)-1])
	if bound := b.dial(t, ep).bindFor(b.anyone(0)); bound.Addr() != last.Addr() {
		t.Errorf("got %v for anyone, want the address %v of the control connection", bound, last.Addr())
	}
}

func bindAdvertised(t testing.TB, b *Bench) {
	public := netip.MustParseAddr("203.0.113.7")
	w := b.dial(t, b.start(t, Config{Advertise: public.String()}))
	bound := w.bindFor(b.anyone(0))
	if bound.Addr() != public {
		t.Fatalf("got %v in reply 1, want the advertised address %v", bound, public)
	}
	peer := knockWire(t, b.ip(), netip.AddrPortFrom(b.ip(), bound.Port()))
	w.expect(success(tcpAddr(peer.LocalAddr())))
}
