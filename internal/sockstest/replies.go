package sockstest

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Replies returns statements 36 to 44 (RFC 1928, section 6).
func Replies() []Statement {
	return []Statement{
		{"36_refused", refused, nil},
		{"37_network_unreachable", failing(0x03, syscall.ENETUNREACH, syscall.ENETDOWN), nil},
		{"38_host_unreachable", failing(0x04, syscall.EHOSTUNREACH, syscall.EHOSTDOWN), nil},
		{"39_timeout", connectTimeout, nil},
		{"39_reset", failing(0x05, syscall.ECONNRESET), nil},
		{"40_names_without_an_address", unresolved, nil},
		{"40_all_addresses_denied", allDenied, nil},
		{"41_denied_without_dial_or_lookup", denied, nil},
		{"42_drained_before_the_end", drained, nil},
		{"43_one_reply_in_one_write", oneReply, nil},
		{"44_no_optimistic_success", pessimistic, nil},
	}
}

func refused(t testing.TB, b *Bench) {
	b.dial(t, b.start(t, Config{})).refused(0x05, request(cmdConnect, at(closedPort(t, b.ip()))))
}

// failing wants the reply rep for each error of connect(2). The errors are put
// in the place of the system's, which cannot be made to give them at will.
func failing(rep byte, errnos ...syscall.Errno) func(testing.TB, *Bench) {
	return func(t testing.TB, b *Bench) {
		var next atomic.Int32
		ep := b.start(t, Config{Dial: func(_ context.Context, network, _ string) error {
			errno := errnos[next.Load()]
			return &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", errno)}
		}})
		for i := range errnos {
			next.Store(int32(i))
			b.dial(t, ep).refused(rep, request(cmdConnect, at(netip.AddrPortFrom(b.ip(), 9))))
		}
	}
}

func connectTimeout(t testing.TB, b *Bench) {
	ep := b.start(t, Config{Connect: 200 * time.Millisecond, Dial: func(ctx context.Context, _, _ string) error {
		<-ctx.Done()
		return ctx.Err()
	}})
	b.dial(t, ep).refused(0x06, request(cmdConnect, at(netip.AddrPortFrom(b.ip(), 9))))
}

func unresolved(t testing.TB, b *Bench) {
	ep := b.start(t, Config{Resolver: noNames(t).addr, Connect: 600 * time.Millisecond})
	for _, name := range []string{"nx.test", "fail.test", "silent.test"} {
		b.dial(t, ep).refused(0x04, request(cmdConnect, named(name, 80)))
	}
}

// allDenied denies the addresses of a name and not the name: they are judged
// when they are dialled.
func allDenied(t testing.TB, b *Bench) {
	dns := startNames(t, map[string][]netip.Addr{"two.test": {loopback4, loopback6}})
	o4, judged := originAt(t, loopback4), atomic.Int32{}
	ep := b.start(t, Config{Resolver: dns.addr, Policy: func(stage, host string, _ netip.AddrPort) bool {
		if stage == "dial" && host == "two.test" {
			judged.Add(1)
		}
		return stage != "dial"
	}})
	b.dial(t, ep).refused(0x02, request(cmdConnect, named("two.test", o4.addr.Port())))
	o4.unasked()
	if n := judged.Load(); n != 2 {
		t.Errorf("got %d addresses of the name judged, want 2", n)
	}
}

func denied(t testing.TB, b *Bench) {
	dns := startNames(t, map[string][]netip.Addr{"target.test": {b.ip()}})
	o := b.origin(t)
	ep := b.start(t, Config{Resolver: dns.addr, Policy: func(stage, _ string, _ netip.AddrPort) bool { return stage != "request" }})
	b.dial(t, ep).refused(0x02, request(cmdConnect, at(o.addr)))
	b.dial(t, ep).refused(0x02, request(cmdConnect, named("target.test", o.addr.Port())))
	o.unasked()
	if n := ep.Dials(); n != 0 {
		t.Errorf("got %d dials, want none", n)
	}
	if n := dns.asked(); n != 0 {
		t.Errorf("got %d look-ups, want none", n)
	}
}

// drained pushes data behind requests that fail: what a server leaves unread
// makes its close an RST, which may take the reply away.
func drained(t testing.TB, b *Bench) {
	ep := b.start(t, Config{})
	data := bytes.Repeat([]byte("unread "), 4<<10)
	for rep, req := range map[byte][]byte{
		0x05: request(cmdConnect, at(closedPort(t, b.ip()))),
		0x07: request(0x09, nowhere()),
		0x08: {0x05, cmdConnect, 0x00, 0x07},
		0x01: {0x04, cmdConnect, 0x00},
	} {
		w := b.dial(t, ep)
		w.send([]byte{0x05, 0x01, 0x00}, req, data)
		w.expect([]byte{0x05, 0x00}, refusal(rep))
		w.end()
	}
}

// oneReply reads each reply with one read: what was written at once arrives at
// once, over TLS as one record.
func oneReply(t testing.TB, b *Bench) {
	ep := b.start(t, Config{})
	o := b.origin(t)
	for _, req := range [][]byte{
		request(cmdConnect, at(o.addr)), request(cmdConnect, at(closedPort(t, b.ip()))),
		request(0x09, nowhere()), request(cmdBind, nowhere()), request(cmdUDP, nowhere()),
	} {
		w := b.dial(t, ep)
		w.greet()
		w.send(req)
		var buf [512]byte
		n, err := w.Read(buf[:])
		if n == 0 {
			t.Fatalf("read the reply: %v", err)
		}
		checkReply(t, buf[:n])
		if buf[1] != 0x00 {
			w.end()
			continue
		}
		w.silent(20 * time.Millisecond)
	}
}

// checkReply wants exactly one reply in b.
func checkReply(t testing.TB, b []byte) {
	t.Helper()
	size := map[byte]int{0x01: 10, 0x04: 22}
	if len(b) < 4 || b[0] != 0x05 || b[1] > 0x08 || b[2] != 0x00 || len(b) != size[b[3]] {
		t.Fatalf("got %s, want one reply", brief(b))
	}
}

// pessimistic holds the dial back, and the reply has to wait for it.
func pessimistic(t testing.TB, b *Bench) {
	dialled, release := make(chan struct{}), make(chan struct{})
	ep := b.start(t, Config{Dial: func(ctx context.Context, _, _ string) error {
		close(dialled)
		select {
		case <-release:
		case <-ctx.Done():
		}
		return ctx.Err()
	}})
	o := b.origin(t)
	w := b.dial(t, ep)
	w.greet()
	w.send(request(cmdConnect, at(o.addr)))
	select {
	case <-dialled:
	case <-time.After(hang):
		t.Fatal("nothing was dialled")
	}
	w.silent(100 * time.Millisecond)
	close(release)
	w.expect(success(tcpAddr(o.next().RemoteAddr())))
}
