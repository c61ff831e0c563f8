package sockstest

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/relay"
)

// Limits returns what keeps some clients from taking what others need: parts of
// statements 9, 17, 41, 46 and 65.
func Limits() []Statement {
	return []Statement{
		{"09_connections_of_an_address_are_bounded", boundedAddress, appSide},
		{"17_failed_logins_lock_their_address", lockedAddress, appSide},
		{"17_failed_logins_lock_their_user_on_loopback", lockedUser, appSide},
		{"41_sessions_of_a_user_are_bounded", boundedUser, ipv4},
		{"46_bandwidth_of_a_user_is_bounded", boundedBandwidth, ipv4},
		{"65_UDP_datagrams_of_a_user_are_bounded", boundedDatagrams, ipv4},
	}
}

// Slow returns the statement of two thousand slow clients, for a test that runs
// nothing beside it.
func Slow() []Statement { return []Statement{{"09_slow_clients_keep_nobody_out", slowClients, ipv4}} }

// appSide are the modes that differ in how apps come. The addresses of one host
// are told apart over IPv4.
func appSide(m Mode) bool { return ipv4(m) && (parsing(m) || m == Mode{MutualTLS, 1, false}) }

// dialFrom connects to ep from 127.0.0.N, before any TLS.
func (b *Bench) dialFrom(t testing.TB, ep *Endpoint, n byte) *wire {
	t.Helper()
	d := net.Dialer{Timeout: hang, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, n)}}
	conn, err := d.DialContext(context.Background(), "tcp", ep.Addr)
	if err != nil {
		t.Fatalf("connect to the server under test: %v", err)
	}
	return newWire(t, conn.(*net.TCPConn))
}

// from is dialFrom with the TLS handshake done.
func (b *Bench) from(t testing.TB, ep *Endpoint, n byte) *wire {
	t.Helper()
	w := b.dialFrom(t, ep, n)
	if b.app() == Plain {
		return w
	}
	if err := w.handshake(b.clientTLS(t)); err != nil {
		t.Fatalf("TLS handshake: %v", err)
	}
	return w
}

// turnedAway wants the connection to end without a byte of the server's.
func (w *wire) turnedAway() {
	w.t.Helper()
	got, err := io.ReadAll(w.raw)
	if len(got) > 0 || timedOut(err) {
		w.t.Fatalf("got %s and %v, want an end without a byte", brief(got), err)
	}
}

// fails logs in with a wrong password.
func (w *wire) fails(name string) {
	w.t.Helper()
	w.offerLogin()
	w.send(login(name, "wrong"))
	w.expect([]byte{0x01, 0x01})
	w.end()
}

// lockedAddress has more failures from one address than there may be: its next
// connections end without a byte, with the right password too, and those from
// another address are served.
func lockedAddress(t testing.TB, b *Bench) {
	o := b.origin(t)
	ep := b.start(t, Config{Users: alice, LoginFailures: 3, Foreign: true})
	for _, name := range []string{"alice", "mallory", "alice"} {
		b.from(t, ep, 1).fails(name)
	}
	for range 2 {
		b.dialFrom(t, ep, 1).turnedAway()
	}
	w := b.from(t, ep, 2)
	w.logIn("alice", "correct horse")
	w.send(request(cmdConnect, at(o.addr)))
	w.bound()
	o.next()
	if n := ep.Dials(); n != 1 {
		t.Errorf("got %d dials, want one", n)
	}
}

// lockedUser has more failures of one user: on this host, where all users have
// one address, it is the user who is refused then.
func lockedUser(t testing.TB, b *Bench) {
	ep := b.start(t, Config{Users: map[string]User{"alice": {Password: "correct horse"}, "bob": {Password: "battery"}}, LoginFailures: 3})
	for range 3 {
		b.from(t, ep, 1).fails("alice")
		b.from(t, ep, 1).fails("mallory")
	}
	for _, n := range []byte{1, 2} {
		w := b.from(t, ep, n)
		w.offerLogin()
		w.send(login("alice", "correct horse"))
		w.expect([]byte{0x01, 0x01})
		w.end()
	}
	b.from(t, ep, 1).logIn("bob", "battery")
	if n := ep.Dials(); n != 0 {
		t.Errorf("got %d dials, want none", n)
	}
}

// boundedAddress has as many connections of one address as there may be. They
// count before a byte of TLS.
func boundedAddress(t testing.TB, b *Bench) {
	o := b.origin(t)
	ep := b.start(t, Config{ConnsPerIP: 2})
	first, second := b.dialFrom(t, ep, 1), b.from(t, ep, 1)
	b.dialFrom(t, ep, 1).turnedAway()
	b.from(t, ep, 2).connect(at(o.addr))
	second.connect(at(o.addr))
	b.dialFrom(t, ep, 1).turnedAway()
	first.abort()
	eventually(t, "the place to be free", func() bool { return ep.Live() == 2*(1+b.Hops) })
	b.from(t, ep, 1).connect(at(o.addr))
}

// boundedUser has as many sessions of one user, at the last server, as there
// may be: the next request is refused with 02, until one ends.
func boundedUser(t testing.TB, b *Bench) {
	o := b.origin(t)
	ep := b.start(t, Config{ConnsPerUser: 2})
	first, second := b.dial(t, ep), b.dial(t, ep)
	first.connect(at(o.addr))
	second.connect(at(o.addr))
	b.dial(t, ep).refused(0x02, request(cmdConnect, at(o.addr)))
	if n := ep.Dials(); n != 2 {
		t.Errorf("got %d dials, want 2", n)
	}
	first.abort()
	eventually(t, "the session to end", func() bool { return ep.Live() == 1+b.Hops })
	b.dial(t, ep).connect(at(o.addr))
	b.dial(t, ep).refused(0x02, request(cmdConnect, at(o.addr)))
}

// slowClients has two thousand clients that have come to a stop on their way: in
// silence, in the TLS handshake, in the greeting and in the login. One more logs
// in while all of them are there, or have given way as the oldest.
func slowClients(t testing.TB, b *Bench) {
	o := b.origin(t)
	ep := b.start(t, Config{Users: alice, Handshake: time.Hour})
	served := b.dial(t, ep)
	served.logIn("alice", "correct horse")
	served.send(request(cmdConnect, at(o.addr)))
	served.bound()
	target := o.next()
	slow := b.slow(t, ep)
	w := b.dial(t, ep)
	w.logIn("alice", "correct horse")
	w.send(request(cmdConnect, at(o.addr)))
	w.bound()
	o.next()
	served.send([]byte("HELLO"))
	target.expect([]byte("HELLO"))
	gaveWay := 0
	for _, err := range ep.Ended() {
		if err == nil || !strings.Contains(err.Error(), "gave way") {
			t.Errorf("a session ended: %v", err)
		}
		gaveWay++
	}
	t.Logf("of %d clients %d gave way", len(slow), gaveWay)
	for _, c := range slow {
		c.Close()
	}
	eventually(t, "the slow clients to be gone", func() bool { return ep.Live() == 2*(1+b.Hops) })
}

// slow connects two thousand clients to the server that apps come to, and behind
// a forwarder as many to its server. The oldest give way meanwhile, so that
// nothing that they send has to arrive.
func (b *Bench) slow(t testing.TB, ep *Endpoint) (conns []net.Conn) {
	t.Helper()
	stops := []struct {
		secure bool
		says   []byte
	}{
		{false, nil}, {false, []byte{0x05}}, {false, []byte{0x05, 0x01, 0x02}}, {false, []byte{0x05, 0x01, 0x02, 0x01, 0x05, 'a', 'l'}},
	}
	if b.app() != Plain {
		stops[1].secure, stops[3].secure = true, true
		stops[2].says = []byte{0x16, 0x03, 0x01, 0x00, 0xc8, 0x01, 0x00, 0x00, 0xc4, 0x03, 0x03}
	}
	count := min(2000, relay.MaxDescriptors()/8)
	for i := range count {
		stop := stops[i%len(stops)]
		c := slowClient(t, ep.Addr)
		conns = append(conns, c)
		if stop.secure {
			c = tls.Client(c, b.clientTLS(t))
		}
		c.Write(stop.says) // may meet the end
	}
	for i := range count * min(b.Hops, 1) {
		c := slowClient(t, ep.Hops[len(ep.Hops)-1])
		conns = append(conns, c)
		c.Write([]byte{0x16, 0x03, 0x01, 0x00, 0xc8, 0x01}[:i%6])
	}
	return conns
}

func slowClient(t testing.TB, addr string) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, hang)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(hang))
	return c
}

// boundedBandwidth moves bytes both ways through a tunnel that is slowed down:
// they arrive whole, and no sooner than they may.
func boundedBandwidth(t testing.TB, b *Bench) {
	const size, rate = 400_000, 1_000_000
	app, target := b.tunnel(t, b.start(t, Config{Bandwidth: rate}), b.origin(t))
	begun := time.Now()
	exchange(t, app, target, size)
	if took := time.Since(begun); took < size*time.Second/rate/2 {
		t.Errorf("%d bytes each way took %v, at %d a second", size, took, rate)
	}
}

// boundedDatagrams sends more datagrams than a user may: some go through, and
// what does not is counted.
func boundedDatagrams(t testing.TB, b *Bench) {
	const sent = 200
	a := b.associate(t, b.start(t, Config{Datagrams: 1}))
	e := echoAt(t, b.ip())
	for range sent {
		a.send(at(e.addr), []byte("one of many"))
	}
	came := int64(0)
	eventually(t, "each datagram to be back or counted", func() bool {
		a.udp.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if _, err := a.udp.Read(make([]byte, 100)); err == nil {
			came++
		}
		return came+a.ep.Drops()["rate"] == sent
	})
	if came < 16 || came > sent/2 {
		t.Errorf("%d of %d datagrams came back at one a second, want the burst of 16 and few more", came, sent)
	}
}
