package sockstest

import (
	"bytes"
	"errors"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/errno"
)

// Relay returns statements 45 to 47: what happens to the bytes of a tunnel.
func Relay() []Statement {
	return []Statement{
		{"45_half_close_by_the_client", halfCloseClient, nil},
		{"45_half_close_by_the_target", halfCloseTarget, nil},
		{"45_half_close_lasts", halfCloseLasts, func(m Mode) bool { return m == Mode{Plain, 0, false} || m == Mode{MutualTLS, 1, false} }},
		{"45_FIN_without_close_notify_aborts_TLS", truncatedTLS, directTLS},
		{"45_FIN_without_close_notify_aborts_TLS_of_a_hop", truncatedHop, forwardTLS},
		{"46_reset_by_the_target", resetByTarget, nil},
		{"46_reset_by_the_client", resetByClient, nil},
		{"46_reset_seen_by_a_write", resetSeenByWrite, nil},
		{"46_bytes_both_ways", bytesBothWays, nil},
		{"46_slow_reader", slowReader, ipv4},
		{"47_idle_counts_both_ways", idleTunnel, func(m Mode) bool { return ipv4(m) && (m.Hops == 0 || m.Carrier == MutualTLS) }},
	}
}

// tunnel connects through ep to o and returns both ends.
func (b *Bench) tunnel(t testing.TB, ep *Endpoint, o *origin) (app, target *wire) {
	t.Helper()
	app = b.dial(t, ep)
	app.connect(at(o.addr))
	return app, o.next()
}

// halfClosed shuts one end down, wants the other to see the end, and bytes back
// after the pause.
func halfClosed(first, second *wire, pause time.Duration) {
	first.t.Helper()
	first.send([]byte("last words"))
	first.finish()
	second.expect([]byte("last words"))
	second.end()
	time.Sleep(pause)
	answer := pattern(100_000, 45)
	second.send(answer)
	second.finish()
	first.expect(answer)
	first.end()
}

func halfCloseClient(t testing.TB, b *Bench) {
	app, target := b.tunnel(t, b.start(t, Config{}), b.origin(t))
	halfClosed(app, target, 20*time.Millisecond)
}

func halfCloseTarget(t testing.TB, b *Bench) {
	app, target := b.tunnel(t, b.start(t, Config{}), b.origin(t))
	halfClosed(target, app, 20*time.Millisecond)
}

// halfCloseLasts waits longer than the 1, 5 and 10 s after which servers are
// known to cut a half-closed tunnel.
func halfCloseLasts(t testing.TB, b *Bench) {
	app, target := b.tunnel(t, b.start(t, Config{}), b.origin(t))
	halfClosed(app, target, 11*time.Second)
}

// truncatedTLS ends the client's stream as someone on the way could.
func truncatedTLS(t testing.TB, b *Bench) {
	ep := b.start(t, Config{})
	app, target := b.tunnel(t, ep, b.origin(t))
	app.send([]byte("cut"))
	target.expect([]byte("cut"))
	app.raw.CloseWrite()
	target.broken()
	app.broken()
	eventually(t, "the session to end", func() bool { return len(ep.Ended()) == 1 })
	if err := ep.Ended()[0]; err == nil {
		t.Error("the record has no error, want one that tells of the truncation")
	}
}

// truncatedHop does the same between forwarder and server, either way.
func truncatedHop(t testing.TB, b *Bench) {
	for _, up := range []bool{true, false} {
		m := newMiddle(t)
		ep := b.start(t, Config{Middle: m.between})
		app, target := b.tunnel(t, ep, b.origin(t))
		app.send([]byte("cut"))
		target.expect([]byte("cut"))
		m.cut(up)
		target.broken()
		app.broken()
	}
}

func resetByTarget(t testing.TB, b *Bench) {
	app, target := b.tunnel(t, b.start(t, Config{}), b.origin(t))
	last := pattern(50_000, 46)
	target.send(last)
	app.expect(last[:40_000])
	target.abort()
	got, err := io.ReadAll(app)
	if !bytes.Equal(got, last[40_000:]) {
		t.Errorf("got %s after the RST, want the rest of what was sent before it", brief(got))
	}
	if err == nil || timedOut(err) {
		t.Errorf("got %v, want a broken connection", err)
	}
}

func resetByClient(t testing.TB, b *Bench) {
	app, target := b.tunnel(t, b.start(t, Config{}), b.origin(t))
	app.send([]byte("x"))
	target.expect([]byte("x"))
	app.abort()
	target.broken()
}

// resetSeenByWrite lets only a write meet the RST: the target has shut its side
// down, so that nobody reads from it any more.
func resetSeenByWrite(t testing.TB, b *Bench) {
	app, target := b.tunnel(t, b.start(t, Config{}), b.origin(t))
	target.finish()
	app.end()
	target.abort()
	var err error
	for end := time.Now().Add(hang); err == nil && time.Now().Before(end); time.Sleep(time.Millisecond) {
		_, err = app.Write([]byte("into the void"))
	}
	if err == nil {
		t.Fatal("writes to a target that is gone never fail")
	}
	if !errno.Is(err, syscall.EPIPE, syscall.ECONNRESET, syscall.ECONNABORTED) {
		t.Errorf("got %v, want a broken connection", err)
	}
}

// bytesBothWays moves 64 MiB each way at once in the modes that differ most,
// and 4 MiB in the others.
func bytesBothWays(t testing.TB, b *Bench) {
	size := 4 << 20
	if !b.IPv6 && (b.Mode == Mode{Plain, 0, false} || b.Mode == Mode{TLS13, 0, false} || b.Mode == Mode{MutualTLS, 1, false}) {
		size = 64 << 20
	}
	app, target := b.tunnel(t, b.start(t, Config{}), b.origin(t))
	exchange(t, app, target, size)
}

// exchange sends size bytes each way at the same time, and wants them to arrive.
func exchange(t testing.TB, app, target *wire, size int) {
	t.Helper()
	up, down := pattern(size, 1), pattern(size, 2)
	done := make(chan error, 3)
	push := func(w *wire, data []byte) {
		_, err := w.Write(data)
		done <- errors.Join(err, w.Conn.(interface{ CloseWrite() error }).CloseWrite())
	}
	go push(app, up)      // ends when all is sent or w is closed
	go push(target, down) // likewise
	go func() { done <- compare(target, up) }()
	err := compare(app, down)
	for range 3 {
		err = errors.Join(err, <-done)
	}
	if err != nil {
		t.Error(err)
	}
}

// compare reads r to its end and wants exactly want.
func compare(r io.Reader, want []byte) error {
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if n > len(want) || !bytes.Equal(buf[:n], want[:n]) {
			return errors.New("the bytes differ")
		}
		want = want[n:]
		if err == io.EOF && len(want) == 0 {
			return nil
		}
		if err != nil {
			return errors.Join(err, errors.New("the bytes end early"))
		}
	}
}

// slowReader does not read, and wants the sender to be held up by that, and
// nothing to be lost.
func slowReader(t testing.TB, b *Bench) {
	app, target := b.tunnel(t, b.start(t, Config{}), b.origin(t))
	target.raw.SetWriteBuffer(64 << 10)
	const most = 96 << 20 // the buffers of the system on all hops, and some
	block := pattern(64<<10, 3)
	sent := int64(0)
	for sent < most {
		target.SetWriteDeadline(time.Now().Add(250 * time.Millisecond))
		n, err := target.Write(block)
		sent += int64(n)
		if timedOut(err) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if sent >= most {
		t.Fatalf("%d bytes went out to a client that reads none", sent)
	}
	target.finish()
	got, err := drain(app)
	if got != sent || err != nil {
		t.Errorf("got %d bytes (%v), want the %d that were sent", got, err, sent)
	}
}

// idleTunnel keeps a tunnel alive by traffic one way, then by the other, each
// for longer than the timeout, and then falls silent. It begins anew when the
// machine stood still for so long that the timeout was due.
func idleTunnel(t testing.TB, b *Bench) {
	const idle, pause = 3 * time.Second, 300 * time.Millisecond
	ep := b.start(t, Config{Idle: idle})
	app, target := b.tunnel(t, ep, b.origin(t))
	for _, way := range [][2]*wire{{app, target}, {target, app}} {
		for range 12 {
			before := time.Now()
			time.Sleep(pause)
			_, err := way[0].Write([]byte("."))
			if err == nil {
				_, err = way[1].Read(make([]byte, 1))
			}
			if err != nil && time.Since(before) > idle-2*pause {
				idleTunnel(t, b)
				return
			}
			if err != nil {
				t.Fatalf("got %v on a tunnel with traffic one way", err)
			}
		}
	}
	if _, err := drain(app); timedOut(err) {
		t.Error("an idle tunnel stays open")
	}
	if _, err := drain(target); timedOut(err) {
		t.Error("the target's side of an idle tunnel stays open")
	}
}
