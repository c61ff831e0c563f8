package sockstest

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"
)

// association is a UDP association of an app: the control connection, the
// socket that the app sends from, and the relay port that it sends to.
type association struct {
	t     testing.TB
	ep    *Endpoint
	ctl   *wire
	udp   *net.UDPConn
	relay netip.AddrPort
}

// associate asks for an association as curl and most others do, with nothing
// declared.
func (b *Bench) associate(t testing.TB, ep *Endpoint) *association {
	t.Helper()
	return b.declare(t, ep, udpAt(t, b.ip()), nowhere())
}

// declare asks for an association for udp, with declared as the address in the
// request.
func (b *Bench) declare(t testing.TB, ep *Endpoint, udp *net.UDPConn, declared []byte) *association {
	t.Helper()
	w := b.dial(t, ep)
	w.greet()
	w.send(request(cmdUDP, declared))
	a := &association{t: t, ep: ep, ctl: w, udp: udp, relay: w.bound()}
	if a.relay.Port() == 0 || a.relay.Addr().IsUnspecified() {
		t.Fatalf("got the relay address %v, want one to send to", a.relay)
	}
	return a
}

// send sends a datagram to an encoded address.
func (a *association) send(addr, data []byte) {
	a.t.Helper()
	a.raw(datagram(addr, data))
}

// raw sends bytes to the relay port.
func (a *association) raw(b []byte) {
	a.t.Helper()
	sendFrom(a.t, a.udp, a.relay, b)
}

func sendFrom(t testing.TB, from *net.UDPConn, to netip.AddrPort, b []byte) {
	t.Helper()
	if _, err := from.WriteToUDPAddrPort(b, to); err != nil {
		t.Fatalf("send a datagram of %d bytes: %v", len(b), err)
	}
}

// expect reads one datagram and compares it with what the relay has to send for
// data from an address.
func (a *association) expect(from netip.AddrPort, data []byte) {
	a.t.Helper()
	a.expectAt(a.udp, from, data)
}

// expectAt is expect on another socket than that of the app.
func (a *association) expectAt(udp *net.UDPConn, from netip.AddrPort, data []byte) {
	a.t.Helper()
	want := datagram(at(from), data)
	buf := make([]byte, 1<<16)
	udp.SetReadDeadline(time.Now().Add(hang))
	n, relay, err := udp.ReadFromUDPAddrPort(buf)
	if err != nil {
		a.t.Fatalf("got %v, want %s", err, brief(want))
	}
	if unmap(relay) != a.relay {
		a.t.Errorf("an answer came from %v, want the relay %v", relay, a.relay)
	}
	if !bytes.Equal(buf[:n], want) {
		a.t.Fatalf("got %s, want %s", brief(buf[:n]), brief(want))
	}
}

// works sends data through the relay and wants the echo of it next.
func (a *association) works(e *echo, data string) {
	a.t.Helper()
	a.send(at(e.addr), []byte(data))
	a.expect(e.addr, []byte(data))
}

// drops waits until n datagrams are counted as dropped for a reason.
func (a *association) drops(reason string, n int64) {
	a.t.Helper()
	for end := time.Now().Add(hang); a.ep.Drops()[reason] < n; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			a.t.Fatalf("got the drops %v for %v, want %d as %s", a.ep.Drops(), hang, n, reason)
		}
	}
	if got := a.ep.Drops()[reason]; got != n {
		a.t.Errorf("got %d drops as %s, want %d", got, reason, n)
	}
}

// relayGone wants the relay port to be closed: the system answers for it.
func (a *association) relayGone() {
	a.t.Helper()
	probe, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(a.relay))
	if err != nil {
		a.t.Fatal(err)
	}
	defer probe.Close()
	var buf [1]byte
	eventually(a.t, "the relay port to be closed", func() bool {
		probe.Write([]byte{0})
		probe.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
		_, err := probe.Read(buf[:])
		return err != nil && !timedOut(err) // ECONNREFUSED, of the ICMP message
	})
}
