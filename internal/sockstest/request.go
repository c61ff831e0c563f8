package sockstest

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// Requests returns statements 21 to 31 (RFC 1928, section 4).
func Requests() []Statement {
	return []Statement{
		{"21_name_of_255_bytes", longestName, parsing},
		{"22_empty_name", emptyTarget, parsing},
		{"23_names_that_cannot_be", badNames, parsing},
		{"24_unknown_address_type", unknownType, parsing},
		{"25_unknown_command", unknownCommand, parsing},
		{"26_BIND_and_UDP_switched_off", switchedOff, parsing},
		{"26_BIND_and_UDP_denied", commandsDenied, parsing},
		{"27_reserved_byte", reservedByte, parsing},
		{"28_wrong_version", wrongVersion, parsing},
		{"29_truncated_request", truncated, parsing},
		{"30_byte_by_byte", byteByByte, parsing},
		{"31_data_behind_the_request", dataBehind, parsing},
	}
}

func longestName(t testing.TB, b *Bench) {
	ep := b.start(t, Config{Resolver: noNames(t).addr})
	w := b.dial(t, ep)
	w.greet()
	req := request(cmdConnect, named(strings.Repeat("a.", 127)+"a", 80))
	w.send(req[:len(req)-1])
	w.silent(50 * time.Millisecond) // all of the name is waited for
	w.send(req[len(req)-1:])
	w.expect(refusal(0x04))
	w.end()
}

// unlookedUp wants REP 04 for each name, and neither a look-up nor a dial.
func unlookedUp(t testing.TB, b *Bench, names ...string) *Endpoint {
	t.Helper()
	dns := noNames(t)
	ep := b.start(t, Config{Resolver: dns.addr})
	for _, name := range names {
		b.dial(t, ep).refused(0x04, request(cmdConnect, named(name, 80)))
	}
	if n := dns.asked(); n != 0 {
		t.Errorf("got %d look-ups, want none", n)
	}
	if n := ep.Dials(); n != 0 {
		t.Errorf("got %d dials, want none", n)
	}
	return ep
}

func emptyTarget(t testing.TB, b *Bench) { unlookedUp(t, b, "") }

func badNames(t testing.TB, b *Bench) {
	label := strings.Repeat("a", 63)
	ep := unlookedUp(t, b,
		"evil\x00.test", "evil\x1b[31m.test", "evil\r\nlevel=ERROR.test", "evil\x7f.test",
		label+"a.test", strings.Join([]string{label, label, label, label}, "."), "a..test", ".test",
	)
	eventually(t, "the sessions to be logged", func() bool { return strings.Count(ep.Log(), "\n") >= 8 })
	log := ep.Log()
	if strings.ContainsAny(log, "\x00\x1b\r\x7f") || strings.Contains(log, "\nlevel=ERROR") {
		t.Errorf("control bytes of a name are in the log as they came: %q", log)
	}
	if !strings.Contains(log, `\x1b[31m`) {
		t.Errorf("the name with an escape is not in the log, escaped: %q", log)
	}
}

func unknownType(t testing.TB, b *Bench) {
	ep := b.start(t, Config{})
	for _, atyp := range []byte{0x00, 0x02, 0x05, 0xFF} {
		for _, cmd := range []byte{cmdConnect, cmdBind, cmdUDP} {
			b.dial(t, ep).refused(0x08, []byte{0x05, cmd, 0x00, atyp, 127, 0, 0, 1, 0, 80})
		}
	}
}

func unknownCommand(t testing.TB, b *Bench) {
	ep := b.start(t, Config{})
	for _, cmd := range []byte{0x00, 0x04, 0x06, 0xFF} {
		b.dial(t, ep).refused(0x07, request(cmd, nowhere()))
		b.dial(t, ep).refused(0x07, []byte{0x05, cmd, 0x00, 0x02, 127, 0, 0, 1, 0, 80})
	}
}

func switchedOff(t testing.TB, b *Bench) {
	ep := b.start(t, Config{NoBind: true, NoUDP: true})
	b.dial(t, ep).refused(0x07, request(cmdBind, nowhere()))
	b.dial(t, ep).refused(0x07, request(cmdUDP, nowhere()))
	o := b.origin(t)
	b.dial(t, ep).connect(at(o.addr))
	o.next()
}

func commandsDenied(t testing.TB, b *Bench) {
	ep := b.start(t, Config{Policy: func(stage, _ string, _ netip.AddrPort) bool { return stage != "request" }})
	for _, cmd := range []byte{cmdConnect, cmdBind, cmdUDP} {
		b.dial(t, ep).refused(0x02, request(cmd, at(netip.AddrPortFrom(b.ip(), 80))))
	}
	if n := ep.Dials(); n != 0 {
		t.Errorf("got %d dials, want none", n)
	}
}

func reservedByte(t testing.TB, b *Bench) {
	o := b.origin(t)
	w := b.dial(t, b.start(t, Config{}))
	w.greet()
	req := request(cmdConnect, at(o.addr))
	req[2] = 0x5A
	w.send(req)
	from := o.next()
	w.expect(success(tcpAddr(from.RemoteAddr())))
}

func wrongVersion(t testing.TB, b *Bench) {
	ep := b.start(t, Config{})
	for _, version := range []byte{0x00, 0x01, 0x04, 0x06} {
		req := request(cmdConnect, at(netip.AddrPortFrom(b.ip(), 80)))
		req[0] = version
		b.dial(t, ep).refused(0x01, req)
	}
}

// truncated cuts greeting and request at every byte.
func truncated(t testing.TB, b *Bench) {
	o := b.origin(t)
	ep := b.start(t, Config{})
	for _, addr := range [][]byte{at(o.addr), named("localhost", o.addr.Port())} {
		whole := join([]byte{0x05, 0x01, 0x00}, request(cmdConnect, addr))
		for cut := 1; cut < len(whole); cut++ {
			w := b.dial(t, ep)
			w.send(whole[:cut])
			w.finish()
			if cut >= 3 {
				w.expect([]byte{0x05, 0x00})
			}
			w.end()
		}
	}
	o.unasked()
	if n := ep.Dials(); n != 0 {
		t.Errorf("got %d dials, want none", n)
	}
}

func byteByByte(t testing.TB, b *Bench) {
	o := b.origin(t)
	w := b.dial(t, b.start(t, Config{}))
	for _, one := range join([]byte{0x05, 0x01, 0x00}, request(cmdConnect, at(o.addr)), []byte("HELLO")) {
		w.send([]byte{one})
		time.Sleep(20 * time.Millisecond)
	}
	from := o.next()
	w.expect([]byte{0x05, 0x00}, success(tcpAddr(from.RemoteAddr())))
	from.expect([]byte("HELLO"))
}

func dataBehind(t testing.TB, b *Bench) {
	o := b.origin(t)
	w := b.dial(t, b.start(t, Config{}))
	w.send([]byte{0x05, 0x01, 0x00}, request(cmdConnect, at(o.addr)), []byte("HELLO"))
	from := o.next()
	w.expect([]byte{0x05, 0x00}, success(tcpAddr(from.RemoteAddr())))
	w.send([]byte(" WORLD"))
	w.finish()
	from.expect([]byte("HELLO WORLD"))
	from.end()
	from.finish()
	w.end()
}
