package sockstest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"
)

// hang is after how long a wait is given up, to name what it waited for.
const hang = 30 * time.Second

// errBareFIN tells that a TLS peer ended its side without close_notify.
var errBareFIN = errors.New("FIN without close_notify")

// wire is one end of a connection that a statement holds: an app's to the
// server under test, or an origin's to what came to it.
type wire struct {
	t testing.TB
	net.Conn
	raw *net.TCPConn
}

// strictEOF makes a FIN under TLS an error, so that only close_notify reads as
// the end of the stream.
type strictEOF struct{ net.Conn }

func (c strictEOF) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF {
		err = errBareFIN
	}
	return n, err
}

// newWire holds raw for the length of the test.
func newWire(t testing.TB, raw *net.TCPConn) *wire {
	t.Cleanup(func() { raw.Close() })
	w := &wire{t, raw, raw}
	w.wait()
	return w
}

// wait gives what comes next its time.
func (w *wire) wait() { w.raw.SetDeadline(time.Now().Add(hang)) }

// tcp connects to ep as an app does, before any TLS.
func (b *Bench) tcp(t testing.TB, ep *Endpoint) *wire {
	t.Helper()
	conn, err := net.DialTimeout("tcp", ep.Addr, hang)
	if err != nil {
		t.Fatalf("connect to the server under test: %v", err)
	}
	return newWire(t, conn.(*net.TCPConn))
}

// dial connects to ep as an app does, with the TLS handshake done.
func (b *Bench) dial(t testing.TB, ep *Endpoint) *wire {
	t.Helper()
	if b.app() == Plain {
		return b.tcp(t, ep)
	}
	w, err := b.secure(t, ep, b.clientTLS(t))
	if err != nil {
		t.Fatalf("TLS handshake: %v", err)
	}
	return w
}

// secure connects to ep and does a TLS handshake.
func (b *Bench) secure(t testing.TB, ep *Endpoint, config *tls.Config) (*wire, error) {
	t.Helper()
	w := b.tcp(t, ep)
	return w, w.handshake(config)
}

// handshake puts TLS over the connection.
func (w *wire) handshake(config *tls.Config) error {
	conn := tls.Client(strictEOF{w.raw}, config)
	w.Conn = conn
	return conn.Handshake()
}

// send writes the messages in one write.
func (w *wire) send(messages ...[]byte) {
	w.t.Helper()
	w.wait()
	if _, err := w.Write(join(messages...)); err != nil {
		w.t.Fatalf("write % x: %v", join(messages...), err)
	}
}

// expect reads as many bytes as want has, and compares.
func (w *wire) expect(want ...[]byte) {
	w.t.Helper()
	w.wait()
	all := join(want...)
	got := make([]byte, len(all))
	n, err := io.ReadFull(w, got)
	if !bytes.Equal(got[:n], all) {
		w.t.Fatalf("got %s (%v), want %s", brief(got[:n]), err, brief(all))
	}
}

// end reads the orderly end of the stream, which must come next.
func (w *wire) end() {
	w.t.Helper()
	w.wait()
	rest, err := io.ReadAll(w)
	if len(rest) > 0 {
		w.t.Fatalf("got %s after the last reply, want the end", brief(rest))
	}
	if err != nil {
		w.t.Fatalf("got %v, want the end of the stream", err)
	}
}

// broken reads until the stream breaks, and fails when it ends in order instead.
func (w *wire) broken() {
	w.t.Helper()
	w.wait()
	_, err := io.Copy(io.Discard, w)
	if err == nil {
		w.t.Fatal("got an orderly end, want a broken connection")
	}
	if timedOut(err) {
		w.t.Fatalf("got nothing for %v, want a broken connection", hang)
	}
}

// silent fails when a byte or the end arrives within d.
func (w *wire) silent(d time.Duration) {
	w.t.Helper()
	w.SetReadDeadline(time.Now().Add(d))
	defer w.wait()
	var one [1]byte
	n, err := w.Read(one[:])
	if n > 0 || !timedOut(err) {
		w.t.Fatalf("got % x (%v), want silence", one[:n], err)
	}
}

// finish shuts down this side: close_notify under TLS, a FIN without it.
func (w *wire) finish() {
	w.t.Helper()
	w.wait()
	if err := w.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		w.t.Fatalf("shut down: %v", err)
	}
}

// abort ends the connection with an RST.
func (w *wire) abort() {
	w.raw.SetLinger(0)
	w.raw.Close()
}

// greet goes through the negotiation without a login.
func (w *wire) greet() {
	w.t.Helper()
	w.send([]byte{0x05, 0x01, 0x00})
	w.expect([]byte{0x05, 0x00})
}

// bound reads a reply 00 and returns its address.
func (w *wire) bound() netip.AddrPort {
	w.t.Helper()
	w.wait()
	var head [4]byte
	if _, err := io.ReadFull(w, head[:]); err != nil {
		w.t.Fatalf("read the reply: %v", err)
	}
	if !bytes.Equal(head[:3], []byte{0x05, 0x00, 0x00}) {
		w.t.Fatalf("got a reply % x, want 05 00 00", head)
	}
	size, ok := map[byte]int{0x01: 4, 0x04: 16}[head[3]]
	if !ok {
		w.t.Fatalf("got ATYP %02x in a reply, want 01 or 04", head[3])
	}
	rest := make([]byte, size+2)
	if _, err := io.ReadFull(w, rest); err != nil {
		w.t.Fatalf("read the address of the reply: %v", err)
	}
	ip, _ := netip.AddrFromSlice(rest[:size])
	return netip.AddrPortFrom(ip, uint16(rest[size])<<8|uint16(rest[size+1]))
}

// connect greets, asks for addr and returns the address of the reply 00.
func (w *wire) connect(addr []byte) netip.AddrPort {
	w.t.Helper()
	w.greet()
	w.send(request(cmdConnect, addr))
	return w.bound()
}

// refused greets, sends a request and wants the refusal rep and the end.
func (w *wire) refused(rep byte, req []byte) {
	w.t.Helper()
	w.greet()
	w.send(req)
	w.expect(refusal(rep))
	w.end()
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// brief shows the first bytes of b.
func brief(b []byte) string {
	const most = 48
	if len(b) > most {
		return fmt.Sprintf("% x ... (%d bytes)", b[:most], len(b))
	}
	return fmt.Sprintf("% x (%d bytes)", b, len(b))
}

// eventually waits until ok, and fails with what it waited for.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(hang); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", hang, what)
		}
	}
}
