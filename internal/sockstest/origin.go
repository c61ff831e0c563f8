package sockstest

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"
)

// origin is a TCP server that an app asks for.
type origin struct {
	t        testing.TB
	addr     netip.AddrPort
	conns    chan *net.TCPConn
	accepted atomic.Int64
}

// origin starts a TCP server on the loopback address of the mode.
func (b *Bench) origin(t testing.TB) *origin { return originAt(t, b.ip()) }

func originAt(t testing.TB, ip netip.Addr) *origin {
	t.Helper()
	ln, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	if err != nil {
		t.Fatal(err)
	}
	o := &origin{t: t, addr: tcpAddr(ln.Addr()), conns: make(chan *net.TCPConn, 64)}
	done := make(chan struct{})
	go func() { // ends when ln is closed
		defer close(done)
		for {
			conn, err := ln.AcceptTCP()
			if err != nil {
				return
			}
			o.accepted.Add(1)
			o.conns <- conn
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		<-done
		for len(o.conns) > 0 {
			(<-o.conns).Close()
		}
	})
	return o
}

// next waits for a connection.
func (o *origin) next() *wire {
	o.t.Helper()
	select {
	case conn := <-o.conns:
		return newWire(o.t, conn)
	case <-time.After(hang):
		o.t.Fatalf("no connection came to %v", o.addr)
		return nil
	}
}

// unasked fails when a connection came.
func (o *origin) unasked() {
	o.t.Helper()
	if n := o.accepted.Load(); n != 0 {
		o.t.Errorf("the target got %d connections, want none", n)
	}
}

// echo is a UDP server that answers each datagram with itself and keeps what
// came.
type echo struct {
	t    testing.TB
	conn *net.UDPConn
	addr netip.AddrPort
	got  chan packet
	mute atomic.Bool // keeps, and does not answer
}

type packet struct {
	from netip.AddrPort
	data []byte
}

// echo starts a UDP server on ip.
func echoAt(t testing.TB, ip netip.Addr) *echo {
	t.Helper()
	conn := udpAt(t, ip)
	e := &echo{t: t, conn: conn, addr: udpAddr(conn.LocalAddr()), got: make(chan packet, 4096)}
	done := make(chan struct{})
	go func() { // ends when conn is closed
		defer close(done)
		buf := make([]byte, 1<<16)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				if errors.Is(err, net.ErrClosed) {
					return
				}
				continue
			}
			select {
			case e.got <- packet{unmap(from), append([]byte(nil), buf[:n]...)}:
			default: // nobody looks at what came
			}
			if !e.mute.Load() {
				conn.WriteToUDPAddrPort(buf[:n], from)
			}
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return e
}

// next waits for a datagram.
func (e *echo) next() packet {
	e.t.Helper()
	select {
	case p := <-e.got:
		return p
	case <-time.After(hang):
		e.t.Fatalf("no datagram came to %v", e.addr)
		return packet{}
	}
}

// udpAt opens a UDP socket on ip with room for large datagrams.
func udpAt(t testing.TB, ip netip.Addr) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadBuffer(4 << 20)
	conn.SetWriteBuffer(1 << 20)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// closedPort returns an address on which nothing listens. A connection has it
// while the test runs, so that nobody else gets it.
func closedPort(t testing.TB, ip netip.Addr) netip.AddrPort {
	t.Helper()
	ln, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	conn, err := knock(ip, tcpAddr(ln.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return tcpAddr(conn.LocalAddr())
}

// freePort returns a port that was free a moment ago.
func freePort(t testing.TB, ip netip.Addr) uint16 {
	t.Helper()
	ln, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return tcpAddr(ln.Addr()).Port()
}

// deafPort returns an address whose datagrams nobody gets. A socket that is
// connected to another has it while the test runs, so that nobody else gets it.
func deafPort(t testing.TB, ip netip.Addr) netip.AddrPort {
	t.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(udpAddr(udpAt(t, ip).LocalAddr())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return udpAddr(conn.LocalAddr())
}

// knock connects to addr from the address from.
func knock(from netip.Addr, addr netip.AddrPort) (*net.TCPConn, error) {
	d := net.Dialer{Timeout: hang, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	conn, err := d.Dial("tcp", addr.String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// knockWire connects to addr, which must work.
func knockWire(t testing.TB, from netip.Addr, addr netip.AddrPort) *wire {
	t.Helper()
	conn, err := knock(from, addr)
	if err != nil {
		t.Fatalf("connect to the BIND listener: %v", err)
	}
	return newWire(t, conn)
}

// drain reads and counts until the stream ends.
func drain(r io.Reader) (int64, error) { return io.Copy(io.Discard, r) }

func tcpAddr(a net.Addr) netip.AddrPort     { return unmap(a.(*net.TCPAddr).AddrPort()) }
func udpAddr(a net.Addr) netip.AddrPort     { return unmap(a.(*net.UDPAddr).AddrPort()) }
func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
