package carrier_test

import (
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/errno"
	"github.com/socksctl/socksctl/internal/socks5"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// drops counts by reason.
type drops [carrier.NumDrops]atomic.Int64

func (d *drops) count(r carrier.Drop) { d[r].Add(1) }

// want fails t unless exactly the given drops were counted: "malformed=2 full=1".
func (d *drops) want(t *testing.T, want map[carrier.Drop]int64) {
	t.Helper()
	for r := range carrier.NumDrops {
		if got := d[r].Load(); got != want[r] {
			t.Errorf("drops for %v: got %d, want %d", r, got, want[r])
		}
	}
}

// listenUDP opens a socket on loopback that is closed with the test.
func listenUDP(t testing.TB, network, address string) *net.UDPConn {
	t.Helper()
	pc, err := net.ListenPacket(network, address)
	if errno.Is(err, syscall.EADDRNOTAVAIL) {
		t.Skip("of 127.0.0.0/8 this host has 127.0.0.1 alone") // as macOS and FreeBSD
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	return pc.(*net.UDPConn)
}

func dialUDP(t testing.TB, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func addrPort(pc interface{ LocalAddr() net.Addr }) netip.AddrPort {
	return socks5.AddrOf(pc.LocalAddr()).AddrPort()
}

// datagram is a copy of what a ReadBatch returned.
type datagram struct {
	addr string
	data string
}

// read collects n datagrams.
func read(t testing.TB, c carrier.Conn, n int) []datagram {
	t.Helper()
	var all []datagram
	ds := make([]carrier.Datagram, 4)
	for len(all) < n {
		got, err := c.ReadBatch(ds[:min(len(ds), n-len(all))])
		if err != nil {
			t.Fatalf("ReadBatch after %d of %d datagrams: %v", len(all), n, err)
		}
		for _, d := range ds[:got] {
			all = append(all, datagram{d.Addr.String(), string(d.Data)})
		}
	}
	return all
}

// to makes a Datagram.
func to(t testing.TB, addr, data string) carrier.Datagram {
	t.Helper()
	a, err := socks5.ParseAddr(addr)
	if err != nil {
		t.Fatal(err)
	}
	return carrier.Datagram{Addr: a, Data: []byte(data)}
}

func write(t testing.TB, c carrier.Conn, ds ...carrier.Datagram) {
	t.Helper()
	if err := c.WriteBatch(ds); err != nil {
		t.Fatalf("WriteBatch: %v", err)
	}
}

// filled returns n bytes that differ from place to place.
func filled(n int) string {
	return strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyz.", n/37+1)[:n]
}
