package carrier_test

import (
	"maps"
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/socks5"
)

// association is a Packet of each role, joined over loopback.
type association struct {
	server, client *carrier.Packet
	relay, app     *net.UDPConn
	drops          drops // the server's
	clientDrops    drops
}

func associate(t testing.TB, address string, peer func(app netip.AddrPort) carrier.Peer, use func(portable)) *association {
	t.Helper()
	a := &association{relay: listenUDP(t, "udp", address)}
	a.app = dialUDP(t, addrPort(a.relay))
	var err error
	if a.server, err = carrier.NewPacketServer(a.relay, peer(addrPort(a.app)), a.drops.count); err != nil {
		t.Fatal(err)
	}
	if a.client, err = carrier.NewPacketClient(a.app, addrPort(a.relay), a.clientDrops.count); err != nil {
		t.Fatal(err)
	}
	use(a.server)
	use(a.client)
	return a
}

// anyPort is a client that declared no port.
func anyPort(app netip.AddrPort) carrier.Peer {
	return carrier.PeerOf(app, socks5.Addr{}, false)
}

func TestUDPPacketRoundTrip(t *testing.T) {
	transports(t, func(t *testing.T, use func(portable)) {
		for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
			a := associate(t, address, anyPort, use)
			want := []datagram{
				{"192.0.2.1:53", "v4"}, {"[2001:db8::1]:53", "v6"}, {"example.com:53", "name"}, {"192.0.2.1:9", ""},
			}
			for from, c := range map[*carrier.Packet]*carrier.Packet{a.client: a.server, a.server: a.client} {
				if from == a.server { // it must know where its client is
					write(t, a.client, to(t, "192.0.2.1:1", "hello"))
					read(t, a.server, 1)
				}
				for _, d := range want {
					write(t, from, to(t, d.addr, d.data))
				}
				if diff := cmp.Diff(want, read(t, c, len(want)), cmp.AllowUnexported(datagram{})); diff != "" {
					t.Errorf("datagrams (-want +got):\n%s", diff)
				}
			}
			a.drops.want(t, nil)
			a.clientDrops.want(t, nil)
		}
	})
}

func TestUDPPacketWireBytes(t *testing.T) {
	transports(t, func(t *testing.T, use func(portable)) {
		a := associate(t, "127.0.0.1:0", anyPort, use)
		if _, err := a.app.Write([]byte("\x00\x00\x00\x03\x0bexample.com\x00\x35hi")); err != nil {
			t.Fatal(err)
		}
		want := []datagram{{"example.com:53", "hi"}}
		if diff := cmp.Diff(want, read(t, a.server, 1), cmp.AllowUnexported(datagram{})); diff != "" {
			t.Errorf("in (-want +got):\n%s", diff)
		}
		write(t, a.server, to(t, "192.0.2.1:53", "ok"))
		buf := make([]byte, 100)
		n, err := a.app.Read(buf)
		if got := string(buf[:n]); err != nil || got != "\x00\x00\x00\x01\xc0\x00\x02\x01\x00\x35ok" {
			t.Errorf("out: got %x, %v", got, err)
		}
	})
}

// Conformance 57 and 58: what cannot be read is dropped and counted, and the
// association lives.
func TestUDPPacketDropsJunk(t *testing.T) {
	transports(t, func(t *testing.T, use func(portable)) {
		a := associate(t, "127.0.0.1:0", anyPort, use)
		for _, junk := range []string{
			"", "\x00\x00\x00", "\x00\x00\x00\x01\x7f\x00\x00\x01\x00", // lengths 0, 3 and 9
			"\x00\x00\x00\x02\x7f\x00\x00\x01\x00\x35x", // an unknown type
			"\x00\x00\x00\x03\x20short\x00\x35",         // a name past the end
			"\x00\x00\x00\x03\x00\x00\x35x",             // an empty name
			"\x00\x00\x00\x03\x03a\x00b\x00\x35x",       // a name that DNS cannot hold
			"\x00\x01\x00\x01\x7f\x00\x00\x01\x00\x35x", // RSV
			"\x00\x00\x01\x01\x7f\x00\x00\x01\x00\x35x", // FRAG
			"\x00\x00\x80\x01\x7f\x00\x00\x01\x00\x35x",
			"\x00\x00\x00\x01\x7f\x00\x00\x01\x00\x35good",
		} {
			if _, err := a.app.Write([]byte(junk)); err != nil {
				t.Fatal(err)
			}
		}
		if got := read(t, a.server, 1); got[0].data != "good" {
			t.Errorf("got %q, want good", got)
		}
		a.drops.want(t, map[carrier.Drop]int64{carrier.DropMalformed: 8, carrier.DropFragment: 2})
	})
}

func TestUDPPacketLargest(t *testing.T) {
	transports(t, func(t *testing.T, use func(portable)) {
		for address, largest := range map[string]int{"127.0.0.1:0": 65497, "[::1]:0": 65517} {
			a := associate(t, address, anyPort, use)
			write(t, a.client, to(t, "192.0.2.1:1", filled(largest+1)), to(t, "192.0.2.1:1", filled(largest)))
			if got := read(t, a.server, 1); got[0].data != filled(largest) {
				t.Errorf("%s: got %d bytes, want %d", address, len(got[0].data), largest)
			}
			long := carrier.Datagram{Addr: socks5.Addr{Name: filled(256), Port: 1}}
			write(t, a.client, long)
			a.clientDrops.want(t, map[carrier.Drop]int64{carrier.DropTooLong: 2})
			a.drops.want(t, nil)
		}
	})
}

const request = "\x00\x00\x00\x01\xc0\x00\x02\x01\x00\x35"

// sendFrom sends data to relay from a socket of its own.
func sendFrom(t *testing.T, local string, relay *net.UDPConn, data string) *net.UDPConn {
	t.Helper()
	c := listenUDP(t, "udp", local)
	if _, err := c.WriteToUDPAddrPort([]byte(data), addrPort(relay)); err != nil {
		t.Fatal(err)
	}
	return c
}

// wantAnswer writes an answer and wants it to come out of app.
func wantAnswer(t *testing.T, s *carrier.Packet, app *net.UDPConn) {
	t.Helper()
	write(t, s, to(t, "192.0.2.1:53", "answer"))
	buf := make([]byte, 100)
	n, err := app.Read(buf)
	if got, want := string(buf[:n]), request+"answer"; err != nil || got != want {
		t.Errorf("answer: got %q, %v, want %q", got, err, want)
	}
}

// Conformance 59 and 60.
func TestUDPPacketStrangers(t *testing.T) {
	transports(t, func(t *testing.T, use func(portable)) {
		a := associate(t, "127.0.0.1:0", anyPort, use)
		write(t, a.server, to(t, "192.0.2.1:53", "too early"))
		a.drops.want(t, map[carrier.Drop]int64{carrier.DropUnsent: 1})

		sendFrom(t, "127.0.0.2:0", a.relay, request+"another address")
		sendFrom(t, "127.0.0.1:0", a.relay, "junk does not take the association")
		write(t, a.client, to(t, "192.0.2.1:53", "mine"))
		if got := read(t, a.server, 1); got[0].data != "mine" {
			t.Fatalf("got %q, want mine", got)
		}
		sendFrom(t, "127.0.0.1:0", a.relay, request+"another port")
		write(t, a.client, to(t, "192.0.2.1:53", "still mine"))
		if got := read(t, a.server, 1); got[0].data != "still mine" {
			t.Fatalf("got %q, want still mine", got)
		}
		wantAnswer(t, a.server, a.app)
		a.drops.want(t, map[carrier.Drop]int64{
			carrier.DropUnsent: 1, carrier.DropStranger: 2, carrier.DropMalformed: 1,
		})
	})
}

func TestUDPPacketRoaming(t *testing.T) {
	transports(t, func(t *testing.T, use func(portable)) {
		a := associate(t, "127.0.0.1:0", func(app netip.AddrPort) carrier.Peer {
			return carrier.PeerOf(app, socks5.Addr{}, true)
		}, use)
		write(t, a.client, to(t, "192.0.2.1:53", "here"))
		read(t, a.server, 1)
		moved := sendFrom(t, "127.0.0.1:0", a.relay, request+"there")
		read(t, a.server, 1)
		sendFrom(t, "127.0.0.1:0", a.relay, "junk moves nobody")
		sendFrom(t, "127.0.0.2:0", a.relay, request+"nor does another address")
		moved2 := moved
		if _, err := moved2.WriteToUDPAddrPort([]byte(request+"again"), addrPort(a.relay)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, a.server, 1); got[0].data != "again" {
			t.Errorf("got %q, want again", got)
		}
		wantAnswer(t, a.server, moved)
		a.drops.want(t, map[carrier.Drop]int64{carrier.DropStranger: 1, carrier.DropMalformed: 1})
	})
}

// A declared port keeps other ports out from the first datagram on, and is
// where answers go before it.
func TestUDPPacketDeclaredPort(t *testing.T) {
	transports(t, func(t *testing.T, use func(portable)) {
		a := associate(t, "127.0.0.1:0", func(app netip.AddrPort) carrier.Peer {
			return carrier.PeerOf(netip.AddrPortFrom(app.Addr(), 1), socks5.AddrFrom(app), false)
		}, use)
		sendFrom(t, "127.0.0.1:0", a.relay, request+"another port")
		wantAnswer(t, a.server, a.app)
		write(t, a.client, to(t, "192.0.2.1:53", "mine"))
		if got := read(t, a.server, 1); got[0].data != "mine" {
			t.Errorf("got %q, want mine", got)
		}
		a.drops.want(t, map[carrier.Drop]int64{carrier.DropStranger: 1})
	})
}

// A guard is asked once about each port that datagrams come from, and keeps out
// even the one that was declared.
func TestUDPPacketGuard(t *testing.T) {
	transports(t, func(t *testing.T, use func(portable)) {
		stranger := listenUDP(t, "udp", "127.0.0.1:0")
		a := associate(t, "127.0.0.1:0", func(netip.AddrPort) carrier.Peer {
			return carrier.PeerOf(addrPort(stranger), socks5.AddrFrom(addrPort(stranger)), true)
		}, use)
		asked := make(map[netip.AddrPort]int)
		a.server.Guard(func(from netip.AddrPort) bool {
			asked[from]++
			return from != addrPort(stranger)
		})
		for range 2 {
			if _, err := stranger.WriteToUDPAddrPort([]byte(request+"not mine"), addrPort(a.relay)); err != nil {
				t.Fatal(err)
			}
			write(t, a.client, to(t, "192.0.2.1:53", "mine"), to(t, "192.0.2.1:53", "mine"))
			if got := read(t, a.server, 2); got[0].data != "mine" || got[1].data != "mine" {
				t.Errorf("got %q, want mine", got)
			}
		}
		wantAnswer(t, a.server, a.app)
		want := map[netip.AddrPort]int{addrPort(stranger): 2, addrPort(a.app): 1}
		if !maps.Equal(asked, want) {
			t.Errorf("asked about %v, want %v", asked, want)
		}
		a.drops.want(t, map[carrier.Drop]int64{carrier.DropStranger: 2})
	})
}

// Conformance 61: a declared address other than the control connection's says
// nothing.
func TestUDPPeerOf(t *testing.T) {
	v4 := netip.MustParseAddr("192.0.2.7")
	for _, c := range []struct {
		control  string
		declared string
		want     carrier.Peer
	}{
		{"192.0.2.7:1080", "192.0.2.7:4000", carrier.Peer{IP: v4, Port: 4000}},
		{"[::ffff:192.0.2.7]:1080", "192.0.2.7:4000", carrier.Peer{IP: v4, Port: 4000}},
		{"192.0.2.7:1080", "192.0.2.7:0", carrier.Peer{IP: v4}},
		{"192.0.2.7:1080", "0.0.0.0:4000", carrier.Peer{IP: v4}},
		{"192.0.2.7:1080", "127.0.0.1:4000", carrier.Peer{IP: v4}},
		{"192.0.2.7:1080", "10.0.0.1:4000", carrier.Peer{IP: v4}},
		{"192.0.2.7:1080", "0:4000", carrier.Peer{IP: v4}},
		{"[fe80::1%eth0]:1080", "[fe80::1]:4000", carrier.Peer{IP: netip.MustParseAddr("fe80::1"), Port: 4000}},
	} {
		declared, err := socks5.ParseAddr(c.declared)
		if err != nil {
			t.Fatal(err)
		}
		if got := carrier.PeerOf(netip.MustParseAddrPort(c.control), declared, false); got != c.want {
			t.Errorf("PeerOf(%s, %s): got %v, want %v", c.control, c.declared, got, c.want)
		}
	}
}

// The client's socket serves its relay only, connected or not.
func TestUDPPacketClientTakesRelayOnly(t *testing.T) {
	transports(t, func(t *testing.T, use func(portable)) {
		relay, app := listenUDP(t, "udp", "127.0.0.1:0"), listenUDP(t, "udp", "127.0.0.1:0")
		var d drops
		c, err := carrier.NewPacketClient(app, addrPort(relay), d.count)
		if err != nil {
			t.Fatal(err)
		}
		use(c)
		sendFrom(t, "127.0.0.1:0", app, request+"a stranger's")
		if _, err := relay.WriteToUDPAddrPort([]byte(request+"the relay's"), addrPort(app)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, c, 1); got[0].data != "the relay's" {
			t.Errorf("got %q, want the relay's", got)
		}
		d.want(t, map[carrier.Drop]int64{carrier.DropStranger: 1})
	})
}

func TestUDPPacketClose(t *testing.T) {
	transports(t, func(t *testing.T, use func(portable)) {
		a := associate(t, "127.0.0.1:0", func(app netip.AddrPort) carrier.Peer {
			return carrier.Peer{IP: app.Addr(), Port: app.Port()}
		}, use)
		closes(t, a.server)
		closes(t, a.client)
	})
}
