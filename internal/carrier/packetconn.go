package carrier

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"github.com/socksctl/socksctl/internal/socks5"
)

// FromPacketConn returns pc itself when it is a [Conn], and else a Conn over
// it, which owns it and looks names up with net.DefaultResolver.
func FromPacketConn(pc net.PacketConn, drop DropFunc) Conn {
	if c, ok := pc.(Conn); ok {
		return c
	}
	network := "ip"
	if ip := socks5.AddrOf(pc.LocalAddr()).IP; ip.Is4() {
		network = "ip4" // it could not send to the rest
	}
	names := NewNames(func(ctx context.Context, host string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, network, host)
	})
	return NewResolved(overPacketConn(pc, drop), names, nil, drop)
}

// overPacketConn returns a Conn on pc that takes addresses only.
func overPacketConn(pc net.PacketConn, drop DropFunc) Conn {
	if udp, ok := pc.(*net.UDPConn); ok {
		if s, err := NewSocket(udp, drop); err == nil {
			return s
		}
	}
	return &foreign{pc: pc, drop: drop}
}

// foreign is a Conn on a net.PacketConn of someone else's, one datagram a call.
type foreign struct {
	pc   net.PacketConn
	drop DropFunc
	in   *singleBuffer
}

// ReadBatch keeps its buffer while it waits: a net.PacketConn has no other way.
func (f *foreign) ReadBatch(ds []Datagram) (int, error) {
	if f.in == nil {
		f.in = singleBuffers.Get().(*singleBuffer)
	}
	for {
		n, from, err := f.pc.ReadFrom(f.in[:])
		if err != nil {
			singleBuffers.Put(f.in)
			f.in = nil
			return 0, err
		}
		if n == len(f.in) {
			f.drop.Count(DropTooLong) // it may have been cut
			continue
		}
		ds[0] = Datagram{Addr: socks5.AddrOf(from), Data: f.in[:n]}
		return 1, nil
	}
}

func (f *foreign) WriteBatch(ds []Datagram) error {
	for i := range ds {
		_, err := f.pc.WriteTo(ds[i].Data, net.UDPAddrFromAddrPort(ds[i].Addr.AddrPort()))
		switch {
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			f.drop.Count(dropFor(err))
		}
	}
	return nil
}

func (f *foreign) LocalAddr() net.Addr { return f.pc.LocalAddr() }
func (f *foreign) Close() error        { return f.pc.Close() }
