package sockstest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
)

// tapped is a connection that keeps what is written to it.
type tapped struct {
	net.Conn
	written io.Writer
}

func (c tapped) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written.Write(p[:n])
	return n, err
}

// marker is a payload that no ciphertext contains by chance.
const marker = "the payload that nobody on the way may read"

// tlsOnly wants every recorded stream to be TLS records from end to end, and no
// payload in them.
func (m *middle) tlsOnly() {
	m.t.Helper()
	streams := m.streams()
	total := 0
	for i, s := range streams {
		total += len(s)
		if bytes.Contains(s, []byte(marker)) {
			m.t.Errorf("stream %d has the payload in clear text", i)
		}
		if err := records(s); err != nil {
			m.t.Errorf("stream %d is not TLS: %v", i, err)
		}
	}
	if len(streams) < 2 || total < 1000 {
		m.t.Errorf("recorded %d streams of %d bytes, want at least a handshake both ways", len(streams), total)
	}
}

// records reads s as TLS records: type 20 to 23, version 3.x, length. The last
// may be cut short by the moment of the look.
func records(s []byte) error {
	for at := 0; len(s)-at >= 5; {
		head := s[at : at+5]
		if head[0] < 20 || head[0] > 23 || head[1] != 3 || head[2] > 4 {
			return fmt.Errorf("byte %d: got % x, want the header of a record", at, head)
		}
		at += 5 + int(head[3])<<8 + int(head[4])
	}
	return nil
}

func wireConnect(t testing.TB, b *Bench) {
	m := newMiddle(t)
	app, target := b.tunnel(t, b.start(t, Config{Middle: m.between}), b.origin(t))
	swap(app, target)
	m.tlsOnly()
}

// swap sends the marker both ways, alone and inside of bulk.
func swap(app, target *wire) {
	app.t.Helper()
	bulk := join(bytes.Repeat([]byte(marker), 1000))
	for _, data := range [][]byte{[]byte(marker), bulk} {
		app.send(data)
		target.expect(data)
		target.send(data)
		app.expect(data)
	}
}

func wireBind(t testing.TB, b *Bench) {
	m := newMiddle(t)
	w := b.dial(t, b.start(t, Config{Middle: m.between}))
	bound := w.bindFor(b.anyone(0))
	peer := knockWire(t, b.ip(), bound)
	w.expect(success(tcpAddr(peer.LocalAddr())))
	swap(w, peer)
	m.tlsOnly()
}

// wireUDP wants the datagrams inside the TLS connection. Over IPv4 the server
// has a loopback address that nobody else has, so that on Linux the absence of a
// UDP socket there shows that no datagram could have come another way.
func wireUDP(t testing.TB, b *Bench) {
	m := newMiddle(t)
	cfg := Config{Middle: m.between}
	if !b.IPv6 {
		cfg.Host = fmt.Sprintf("127.77.%d.%d", rand.IntN(250), 2+rand.IntN(250))
	}
	a := b.associate(t, b.start(t, cfg))
	e := echoAt(t, loopback4)
	for _, data := range []string{marker, "", strings.Repeat(marker, 500)} {
		a.works(e, data)
	}
	m.tlsOnly()
	if b.IPv6 || runtime.GOOS != "linux" {
		return
	}
	host := netip.MustParseAddr(cfg.Host)
	if n := udpSocketsAt(t, host); n != 0 {
		t.Errorf("got %d UDP sockets at the server's address, want none", n)
	}
	udpAt(t, host)
	if n := udpSocketsAt(t, host); n != 1 {
		t.Errorf("got %d UDP sockets where there is one: the count above says nothing", n)
	}
}

// udpSocketsAt counts the UDP sockets of this host that are bound to ip.
func udpSocketsAt(t testing.TB, ip netip.Addr) (n int) {
	t.Helper()
	data, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		t.Fatal(err)
	}
	four := ip.As4()
	local := fmt.Sprintf(" %02X%02X%02X%02X:", four[3], four[2], four[1], four[0])
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 { // big-endian
		local = fmt.Sprintf(" %02X%02X%02X%02X:", four[0], four[1], four[2], four[3])
	}
	for line := range strings.Lines(string(data)) {
		if at := strings.Index(line, local); at >= 0 && at < 10 { // the first address of the line
			n++
		}
	}
	return n
}
