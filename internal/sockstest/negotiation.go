package sockstest

import (
	"bytes"
	"net"
	"testing"
	"time"
)

// Negotiation returns statements 1 to 9 (RFC 1928, section 3).
func Negotiation() []Statement {
	return []Statement{
		{"01_no_login", noLogin, parsing},
		{"02_server_decides", serverDecides, parsing},
		{"03_only_what_was_offered", onlyOffered, parsing},
		{"04_unknown_methods", unknownMethods, parsing},
		{"05_no_methods", noMethods, parsing},
		{"06_method_FF_never_matches", methodFF, parsing},
		{"07_255_methods", manyMethods, parsing},
		{"08_other_protocols", otherProtocols, parsing},
		{"09_deadline_of_a_slow_greeting", slowGreeting, parsing},
		{"09_deadline_of_a_silent_TLS_handshake", silentHandshake, directTLS},
		{"09_proven_peer_holds_MutualTLS_warm", warmPeer, mutualDirect},
	}
}

func noLogin(t testing.TB, b *Bench) {
	o := b.origin(t)
	w := b.dial(t, b.start(t, Config{}))
	w.send([]byte{0x05, 0x01, 0x00})
	w.expect([]byte{0x05, 0x00})
	w.silent(50 * time.Millisecond)
	w.send(request(cmdConnect, at(o.addr)))
	w.bound()
	o.next()
}

func serverDecides(t testing.TB, b *Bench) {
	ep := b.start(t, Config{Users: alice})
	for _, offer := range [][]byte{{0x05, 0x02, 0x00, 0x02}, {0x05, 0x02, 0x02, 0x00}} {
		w := b.dial(t, ep)
		w.send(offer)
		w.expect([]byte{0x05, 0x02})
		w.silent(20 * time.Millisecond)
	}
	rejects(t, b, ep, 0x00)
}

// rejects offers methods and wants 05 FF and the end.
func rejects(t testing.TB, b *Bench, ep *Endpoint, methods ...byte) {
	t.Helper()
	w := b.dial(t, ep)
	w.send([]byte{0x05, byte(len(methods))}, methods)
	w.expect([]byte{0x05, 0xFF})
	w.end()
}

func onlyOffered(t testing.TB, b *Bench) { rejects(t, b, b.start(t, Config{}), 0x02) }

func unknownMethods(t testing.TB, b *Bench) {
	ep := b.start(t, Config{})
	for _, method := range []byte{0x01, 0x80, 0x06} {
		rejects(t, b, ep, method)
	}
}

// noMethods has a deadline that a server which waits for a third byte would
// run into, and the suite with it.
func noMethods(t testing.TB, b *Bench) {
	rejects(t, b, b.start(t, Config{Handshake: 2 * hang}))
}

func methodFF(t testing.TB, b *Bench) { rejects(t, b, b.start(t, Config{}), 0xFF) }

func manyMethods(t testing.TB, b *Bench) {
	ep := b.start(t, Config{})
	offer := bytes.Repeat([]byte{0x80}, 255)
	offer[254] = 0x00
	for _, methods := range [][]byte{offer, {0x00, 0x00, 0x00}} {
		w := b.dial(t, ep)
		w.send([]byte{0x05, byte(len(methods))}, methods, request(0x09, nowhere()))
		w.expect([]byte{0x05, 0x00}, refusal(0x07)) // a second 05 00 would stand in between
		w.end()
	}
}

func otherProtocols(t testing.TB, b *Bench) {
	ep := b.start(t, Config{Handshake: 2 * hang})
	for _, hello := range [][]byte{
		{0x04, 0x01, 0x00, 0x50, 127, 0, 0, 1, 0x00},
		{0x06, 0x01, 0x00},
		[]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		{0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0x00, 0x00, 0x01, 0x00},
	} {
		w := b.dial(t, ep)
		w.send(hello)
		w.end()
	}
}

// slowGreeting lets a greeting trickle, at a pace at which each byte is in time
// and the whole is not, and one never come.
func slowGreeting(t testing.TB, b *Bench) {
	ep := b.start(t, Config{Handshake: time.Second})
	w := b.dial(t, ep)
	w.send([]byte{0x05, 0x02, 0x00})
	w.end()
	w = b.dial(t, ep)
	go trickle(w.Conn, 90*time.Millisecond) // ends when the server closes
	w.end()
	eventually(t, "the slots to be released", func() bool { return ep.Live() == 0 })
}

// trickle writes a greeting of 255 methods byte by byte until a write fails.
func trickle(c net.Conn, pause time.Duration) {
	for _, one := range append([]byte{0x05, 0xFF}, make([]byte, 254)...) {
		if _, err := c.Write([]byte{one}); err != nil {
			return
		}
		time.Sleep(pause)
	}
}

func silentHandshake(t testing.TB, b *Bench) {
	ep := b.start(t, Config{Handshake: 300 * time.Millisecond})
	b.tcp(t, ep).end()
	w := b.tcp(t, ep)
	w.send([]byte{0x16, 0x03, 0x01, 0x02, 0x00}) // a record that never comes
	w.end()
	eventually(t, "the slots to be released", func() bool { return ep.Live() == 0 })
}

// warmPeer is a client with a verified certificate: with our ALPN it may wait
// with its request past the handshake deadline, until the warm one.
func warmPeer(t testing.TB, b *Bench) {
	o := b.origin(t)
	ep := b.start(t, Config{Handshake: time.Second, Warm: 4 * time.Second})
	ours := b.clientTLS(t)
	ours.NextProtos = []string{"socksctl/1"}
	other := b.dial(t, ep)
	other.greet()
	other.end() // at the handshake deadline
	w, err := b.secure(t, ep, ours)
	if err != nil {
		t.Fatal(err)
	}
	w.greet()
	w.silent(2 * time.Second)
	w.send(request(cmdConnect, at(o.addr)))
	w.bound()
	o.next()
	w, err = b.secure(t, ep, ours)
	if err != nil {
		t.Fatal(err)
	}
	w.greet()
	w.end() // at the warm deadline
}
