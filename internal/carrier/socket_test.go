package carrier_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/internal/carrier"
)

// portable is implemented by what can leave recvmmsg aside, and what is done with
// several datagrams as one.
type portable interface {
	Portable() error
	Apart() error
}

// transports runs f with the transport of this system, with what is left of it
// where the kernel is older, and with that of other systems.
func transports(t *testing.T, f func(t *testing.T, use func(portable))) {
	t.Run("native", func(t *testing.T) { f(t, func(portable) {}) })
	t.Run("apart", func(t *testing.T) {
		f(t, func(p portable) {
			if err := p.Apart(); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("portable", func(t *testing.T) {
		f(t, func(p portable) {
			if err := p.Portable(); err != nil {
				t.Fatal(err)
			}
		})
	})
}

func newSocket(t testing.TB, pc *net.UDPConn, d *drops, use func(portable)) *carrier.Socket {
	t.Helper()
	if d == nil {
		d = new(drops)
	}
	s, err := carrier.NewSocket(pc, d.count)
	if err != nil {
		t.Fatal(err)
	}
	use(s)
	return s
}

func TestUDPSocketFamilies(t *testing.T) {
	transports(t, func(t *testing.T, use func(portable)) {
		for _, c := range []struct{ network, listen, peerNetwork, peer string }{
			{"udp4", "127.0.0.1:0", "udp4", "127.0.0.1:0"},
			{"udp6", "[::1]:0", "udp6", "[::1]:0"},
			{"udp", ":0", "udp4", "127.0.0.1:0"},
			{"udp", ":0", "udp6", "[::1]:0"},
		} {
			t.Run(c.listen+" and "+c.peer, func(t *testing.T) {
				var d drops
				s := newSocket(t, listenUDP(t, c.network, c.listen), &d, use)
				far := newSocket(t, listenUDP(t, c.peerNetwork, c.peer), &d, use)
				farAddr := far.LocalAddr().String()
				write(t, s, to(t, farAddr, "one"), to(t, farAddr, ""))
				got := read(t, far, 2)
				if got[0].data != "one" || got[1].data != "" {
					t.Errorf("got %q, want one and an empty datagram", got)
				}
				back, _ := netip.ParseAddrPort(got[0].addr)
				write(t, far, to(t, back.String(), "back"))
				want := []datagram{{farAddr, "back"}}
				if diff := cmp.Diff(want, read(t, s, 1), cmp.AllowUnexported(datagram{})); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
				d.want(t, nil)
			})
		}
	})
}

// The kernel of the receiver is given room for all of them first.
func TestUDPSocketBatchKeepsOrder(t *testing.T) {
	transports(t, func(t *testing.T, use func(portable)) {
		var d drops
		s := newSocket(t, listenUDP(t, "udp", "127.0.0.1:0"), &d, use)
		far := newSocket(t, listenUDP(t, "udp", "127.0.0.1:0"), &d, use)
		var ds []carrier.Datagram
		for i := range 50 {
			ds = append(ds, to(t, far.LocalAddr().String(), fmt.Sprint(i)))
		}
		write(t, s, ds...)
		for i, got := range read(t, far, 50) {
			if got.data != fmt.Sprint(i) {
				t.Fatalf("datagram %d: got %q", i, got.data)
			}
		}
		d.want(t, nil)
	})
}

func TestUDPSocketLargest(t *testing.T) {
	transports(t, func(t *testing.T, use func(portable)) {
		for _, c := range []struct {
			listen string
			size   int
		}{{"127.0.0.1:0", 65507}, {"[::1]:0", 65527}} {
			var d drops
			s := newSocket(t, listenUDP(t, "udp", c.listen), &d, use)
			far := newSocket(t, listenUDP(t, "udp", c.listen), &d, use)
			addr := far.LocalAddr().String()
			write(t, s, to(t, addr, filled(c.size+1)), to(t, addr, filled(c.size)))
			if got := read(t, far, 1); got[0].data != filled(c.size) {
				t.Errorf("%s: got %d bytes, want %d", c.listen, len(got[0].data), c.size)
			}
			d.want(t, map[carrier.Drop]int64{carrier.DropTooLong: 1})
		}
	})
}

// A datagram that the system refuses takes nothing of its batch along.
func TestUDPSocketRefusedSends(t *testing.T) {
	transports(t, func(t *testing.T, use func(portable)) {
		var d drops
		s := newSocket(t, listenUDP(t, "udp4", "127.0.0.1:0"), &d, use)
		far := newSocket(t, listenUDP(t, "udp4", "127.0.0.1:0"), &d, use)
		addr := far.LocalAddr().String()
		write(t, s,
			to(t, "[::1]:9", "IPv6 on an IPv4 socket"),
			to(t, addr, "first"),
			to(t, "127.0.0.1:0", "port 0"),
			to(t, "example.com:9", "a name"),
			carrier.Datagram{Data: []byte("no address")},
			to(t, addr, "second"))
		if got := read(t, far, 2); got[0].data != "first" || got[1].data != "second" {
			t.Errorf("got %q, want first and second", got)
		}
		d.want(t, map[carrier.Drop]int64{carrier.DropUnsent: 2, carrier.DropUnresolved: 2})
	})
}

// ICMP's "port unreachable" reaches a connected socket as an error of its next
// call, and must end neither direction nor cost a datagram.
func TestUDPSocketSurvivesICMP(t *testing.T) {
	transports(t, func(t *testing.T, use func(portable)) {
		var d drops
		far := listenUDP(t, "udp", "127.0.0.1:0")
		conn := dialUDP(t, addrPort(far))
		s := newSocket(t, conn, &d, use)
		addr := far.LocalAddr().String()
		local := conn.LocalAddr().(*net.UDPAddr).AddrPort()
		farPort := addrPort(far)
		far.Close()
		for range 3 {
			write(t, s, to(t, addr, "nobody listens"))
		}
		again := listenUDP(t, "udp", farPort.String())
		write(t, s, to(t, addr, "somebody does"))
		buf := make([]byte, 100)
		n, _, err := again.ReadFrom(buf)
		if err != nil || string(buf[:n]) != "somebody does" {
			t.Fatalf("got %q, %v", buf[:n], err)
		}
		if _, err := again.WriteToUDPAddrPort([]byte("answer"), local); err != nil {
			t.Fatal(err)
		}
		if got := read(t, s, 1); got[0].data != "answer" {
			t.Errorf("got %q, want answer", got)
		}
	})
}

// closes runs ReadBatch while f closes, and wants net.ErrClosed from both
// directions afterwards.
func closes(t *testing.T, c carrier.Conn) {
	t.Helper()
	ended := make(chan error)
	go func() {
		_, err := c.ReadBatch(make([]carrier.Datagram, 4))
		ended <- err
	}()
	c.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("ReadBatch during Close: got %v, want net.ErrClosed", err)
	}
	if _, err := c.ReadBatch(make([]carrier.Datagram, 4)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("ReadBatch after Close: got %v, want net.ErrClosed", err)
	}
	if err := c.WriteBatch([]carrier.Datagram{to(t, "127.0.0.1:9", "x")}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("WriteBatch after Close: got %v, want net.ErrClosed", err)
	}
}

func TestUDPSocketClose(t *testing.T) {
	transports(t, func(t *testing.T, use func(portable)) {
		var d drops
		closes(t, newSocket(t, listenUDP(t, "udp", "127.0.0.1:0"), &d, use))
		pc := listenUDP(t, "udp", "127.0.0.1:0")
		pc.Close()
		if _, err := carrier.NewSocket(pc, nil); err == nil {
			t.Error("NewSocket on a closed conn: got nil, want an error")
		}
	})
}
