package carrier

import (
	"net"
	"net/netip"

	"github.com/socksctl/socksctl/internal/socks5"
)

// Socket is a Conn on a UDP socket that speaks to the far hosts themselves: it
// adds no header, and the Addr of a Datagram is an IP. A Datagram for a name is
// dropped as [DropUnresolved]; [Resolved] looks names up.
//
// An ICMP error that came back for an earlier datagram ends nothing. IPv4, IPv6
// and dual-stack sockets serve, connected or not; a connected one sends to its
// peer whatever the Addr says.
type Socket struct {
	pc   *net.UDPConn
	t    transport
	drop DropFunc
}

// NewSocket returns a Conn on pc, which belongs to it from here on. Its error
// is that of a pc that was closed before.
func NewSocket(pc *net.UDPConn, drop DropFunc) (*Socket, error) {
	t, err := newTransport(pc, drop)
	if err != nil {
		return nil, err
	}
	return &Socket{pc: pc, t: t, drop: drop}, nil
}

// ReadBatch implements [Conn].
func (s *Socket) ReadBatch(ds []Datagram) (int, error) {
	for {
		ms, err := s.t.receive(len(ds))
		if err != nil {
			return 0, err
		}
		for i := range ms {
			ds[i] = Datagram{Addr: socks5.AddrFrom(ms[i].peer), Data: ms[i].data}
		}
		if len(ms) > 0 {
			return len(ms), nil
		}
	}
}

// WriteBatch implements [Conn].
func (s *Socket) WriteBatch(ds []Datagram) error {
	b := outBatches.Get().(*outBatch)
	defer b.release()
	for i := range ds {
		to := ds[i].Addr.AddrPort()
		switch {
		case !to.IsValid():
			s.drop.Count(DropUnresolved)
			continue
		case !fits(to.Addr(), len(ds[i].Data)):
			s.drop.Count(DropTooLong)
			continue
		}
		b.add(to, ds[i].Data)
		if b.full() {
			if err := s.t.send(b); err != nil {
				return err
			}
		}
	}
	return s.t.send(b)
}

// LocalAddr implements [Conn].
func (s *Socket) LocalAddr() net.Addr { return s.pc.LocalAddr() }

// Close implements [Conn].
func (s *Socket) Close() error { return s.pc.Close() }

// bare returns ip as this package compares addresses: without the zone, which
// the socket knows, and IPv4 when it is mapped into IPv6.
func bare(ip netip.Addr) netip.Addr { return ip.Unmap().WithZone("") }
