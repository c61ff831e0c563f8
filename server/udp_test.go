package server_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// listenUDPAt opens a socket on one of loopback's addresses.
func listenUDPAt(t *testing.T, ip string) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(ip)})
	skipWithoutAlias(t, err)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// associate opens an association and returns where its datagrams go, and its
// session.
func (h *harness) associate(t *testing.T) (net.Conn, netip.AddrPort, *server.Session) {
	t.Helper()
	c := h.dial(t)
	at := ask(t, c, 3, "0.0.0.0:0", socks5.Succeeded)
	return c, at, h.admitted(t)
}

// conformance 62
func TestUDPCone(t *testing.T) {
	for _, full := range []bool{false, true} {
		h := start(t, &server.Server{Outbound: &server.Direct{FullCone: full}})
		_, at, s := h.associate(t)
		app, known, stranger := listenUDP(t), listenUDPAt(t, "127.0.0.2"), listenUDPAt(t, "127.0.0.3")
		sendUDP(t, app, at, datagram(known.LocalAddr().String(), "out"))
		b := make([]byte, 10)
		_, from, err := known.ReadFromUDPAddrPort(b)
		if err != nil {
			t.Fatal(err)
		}
		sendUDP(t, stranger, from, []byte("unasked"))
		if full {
			expectUDP(t, app, datagram(stranger.LocalAddr().String(), "unasked"))
		} else {
			waitDrops(t, s, map[string]int64{"unasked": 1})
		}
		sameHost := listenUDPAt(t, "127.0.0.2") // another port of a host that was contacted
		sendUDP(t, sameHost, from, []byte("back"))
		expectUDP(t, app, datagram(sameHost.LocalAddr().String(), "back"))
	}
}

func TestUDPContactsAreBounded(t *testing.T) {
	var d server.Direct
	pc, err := d.ListenPacket(context.Background(), "udp", "")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	for i := range server.MaxContacted + 1000 {
		ip := binary.BigEndian.AppendUint32(nil, 127<<24|1<<16|uint32(i))
		if _, err := pc.WriteTo([]byte("x"), &net.UDPAddr{IP: ip, Port: 9}); err != nil {
			t.Fatal(err)
		}
	}
	if got := server.Contacted(pc); got > server.MaxContacted || got < server.MaxContacted*3/4 {
		t.Errorf("it remembers %d hosts, want %d at most and not much less", got, server.MaxContacted)
	}
}

// The host that was not sent to for longest is forgotten first, and its answers
// are those of a stranger.
func TestUDPOldestContactIsForgotten(t *testing.T) {
	h := start(t, &server.Server{Limits: server.Limits{User: server.Quota{Targets: 2}}})
	_, at, s := h.associate(t)
	app := listenUDP(t)
	hosts := make([]*net.UDPConn, 3)
	for i := range hosts {
		hosts[i] = listenUDPAt(t, fmt.Sprintf("127.0.0.%d", 2+i))
	}
	var from netip.AddrPort
	for _, i := range []int{0, 1, 0, 2} { // so that the second is the oldest
		sendUDP(t, app, at, datagram(hosts[i].LocalAddr().String(), "x"))
		from = receiveUDP(t, hosts[i], "x")
	}
	sendUDP(t, hosts[1], from, []byte("late"))
	waitDrops(t, s, map[string]int64{"unasked": 1})
	for _, i := range []int{0, 2} {
		sendUDP(t, hosts[i], from, []byte("answer"))
		expectUDP(t, app, datagram(hosts[i].LocalAddr().String(), "answer"))
	}
}

// receiveUDP wants data to come to c, and returns whom from.
func receiveUDP(t *testing.T, c *net.UDPConn, data string) netip.AddrPort {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 1500)
	n, from, err := c.ReadFromUDPAddrPort(b)
	if err != nil || string(b[:n]) != data {
		t.Fatalf("got %q and %v, want %q", b[:n], err, data)
	}
	return netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
}

// A broadcast address that only the system knows is refused by the system.
func TestUDPBroadcastIsRefused(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("which addresses are broadcast on loopback is known of Linux")
	}
	h := start(t, &server.Server{})
	_, at, s := h.associate(t)
	app, echo := listenUDP(t), echoUDP(t)
	sendUDP(t, app, at, datagram("127.255.255.255:9", "to many"))
	waitDrops(t, s, map[string]int64{"unsent": 1})
	sendUDP(t, app, at, datagram(echo.String(), "still there"))
	expectUDP(t, app, datagram(echo.String(), "still there"))
}

// conformance 56: one association, targets of every kind.
func TestUDPTargets(t *testing.T) {
	z := &zone{records: map[string][]string{"echo.test": {"127.0.0.1"}}}
	h := start(t, &server.Server{Outbound: &server.Direct{Resolver: z.resolver(t)}})
	_, at, s := h.associate(t)
	app, four, six := listenUDP(t), echoUDP(t), echoUDPAt(t, "::1")
	for range 3 {
		sendUDP(t, app, at, datagram(four.String(), "4"))
		expectUDP(t, app, datagram(four.String(), "4"))
		sendUDP(t, app, at, datagram(six.String(), "6"))
		expectUDP(t, app, datagram(six.String(), "6"))
		sendUDP(t, app, at, datagram(fmt.Sprintf("echo.test:%d", four.Port()), "n"))
		expectUDP(t, app, datagram(four.String(), "n"))
	}
	if got := z.asked.Load(); got != 1 {
		t.Errorf("%d look-ups of one name, want 1", got)
	}
	if up, down := s.DatagramsUp.Load(), s.DatagramsDown.Load(); up != 9 || down != 9 {
		t.Errorf("%d datagrams up, %d down, want 9", up, down)
	}
}

// echoUDPAt is echoUDP at one address.
func echoUDPAt(t *testing.T, ip string) netip.AddrPort {
	t.Helper()
	c := listenUDPAt(t, ip)
	c.SetDeadline(time.Time{})
	go echoOn(c) // ends when c is closed
	return addrOf(c)
}

// conformance 56: the relay's address in the reply.
func TestUDPAdvertise(t *testing.T) {
	public := netip.MustParseAddr("203.0.113.7")
	h := start(t, &server.Server{Advertise: public})
	_, at, _ := h.associate(t)
	if at.Addr() != public || at.Port() == 0 {
		t.Fatalf("got %v, want %v", at, public)
	}
	app, echo := listenUDP(t), echoUDP(t)
	sendUDP(t, app, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), at.Port()), datagram(echo.String(), "x"))
	expectUDP(t, app, datagram(echo.String(), "x"))
}

// conformance 59 and 60
func TestUDPStrangersAndRoaming(t *testing.T) {
	for _, roaming := range []bool{false, true} {
		h := start(t, &server.Server{UDPRoaming: roaming})
		_, at, s := h.associate(t)
		echo := echoUDP(t)
		foreign, app, moved := listenUDPAt(t, "127.0.0.2"), listenUDP(t), listenUDP(t)
		sendUDP(t, foreign, at, datagram(echo.String(), "foreign"))
		waitDrops(t, s, map[string]int64{"stranger": 1})
		sendUDP(t, app, at, datagram(echo.String(), "mine"))
		expectUDP(t, app, datagram(echo.String(), "mine"))
		sendUDP(t, moved, at, datagram(echo.String(), "moved"))
		if roaming {
			expectUDP(t, moved, datagram(echo.String(), "moved"))
			continue
		}
		waitDrops(t, s, map[string]int64{"stranger": 2})
		sendUDP(t, app, at, datagram(echo.String(), "again"))
		expectUDP(t, app, datagram(echo.String(), "again"))
	}
}

// conformance 63: the relay port goes with the control connection, and what
// comes on that one means nothing.
func TestUDPEndsWithItsConnection(t *testing.T) {
	for name, leave := range map[string]func(*net.TCPConn){
		"FIN": func(c *net.TCPConn) { c.CloseWrite() },
		"RST": func(c *net.TCPConn) { c.SetLinger(0); c.Close() },
	} {
		h := start(t, &server.Server{})
		c, at, _ := h.associate(t)
		send(t, c, slices.Repeat([]byte("junk"), 1000)...)
		app, echo := listenUDP(t), echoUDP(t)
		sendUDP(t, app, at, datagram(echo.String(), "x"))
		expectUDP(t, app, datagram(echo.String(), "x"))
		leave(c.(*net.TCPConn))
		h.record(t)
		again, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
		if err != nil {
			t.Errorf("%s: the relay port is not free: %v", name, err)
			continue
		}
		again.Close()
	}
}

func listenUDP(t *testing.T) *net.UDPConn { t.Helper(); return listenUDPAt(t, "127.0.0.1") }

// echoUDP answers datagrams with themselves until the test ends.
func echoUDP(t *testing.T) netip.AddrPort { t.Helper(); return echoUDPAt(t, "127.0.0.1") }

func echoOn(c *net.UDPConn) {
	b := make([]byte, 64<<10)
	for {
		n, from, err := c.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		c.WriteToUDPAddrPort(b[:n], from)
	}
}

func addrOf(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

func sendUDP(t *testing.T, c *net.UDPConn, to netip.AddrPort, b []byte) {
	t.Helper()
	if _, err := c.WriteToUDPAddrPort(b, to); err != nil {
		t.Fatal(err)
	}
}

func expectUDP(t *testing.T, c *net.UDPConn, want []byte) {
	t.Helper()
	b := make([]byte, 64<<10)
	n, _, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, b[:n]); diff != "" {
		t.Fatalf("datagram (-want +got):\n%s", diff)
	}
}

// A datagram that GateDatagram turns away does not take the association.
func TestGateDatagramUDP(t *testing.T) {
	stranger, app, target := listenUDP(t), listenUDP(t), listenUDP(t)
	var relay atomic.Pointer[netip.AddrPort]
	h := start(t, &server.Server{GateDatagram: func(s *server.Session, from, at netip.AddrPort) error {
		if s.Command != "udp" || at != *relay.Load() {
			t.Errorf("asked about a datagram to %v of a session that asked for %s", at, s.Command)
		}
		if from == stranger.LocalAddr().(*net.UDPAddr).AddrPort() {
			return errEnd
		}
		return nil
	}})
	_, at, s := h.associate(t)
	relay.Store(&at)
	sendUDP(t, stranger, at, datagram(target.LocalAddr().String(), "not mine"))
	waitDrops(t, s, map[string]int64{"stranger": 1})
	sendUDP(t, app, at, datagram(target.LocalAddr().String(), "mine"))
	expectUDP(t, target, []byte("mine"))
}
