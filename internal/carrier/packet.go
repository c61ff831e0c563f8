package carrier

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/socksctl/socksctl/internal/socks5"
)

// Peer is the one sender that a [Packet] takes datagrams from.
type Peer struct {
	IP      netip.Addr // the only address that may send
	Port    uint16     // the only port that may send; 0: the port of the first valid datagram
	Roaming bool       // a valid datagram from another port of IP moves the peer there
}

// PeerOf returns the Peer of an association whose control connection comes from
// control and whose request declared the address declared. A declared port
// binds only together with control's own address: behind NAT, programs declare
// a local address whose port means nothing here (RFC 1928, section 7).
func PeerOf(control netip.AddrPort, declared socks5.Addr, roaming bool) Peer {
	p := Peer{IP: bare(control.Addr()), Roaming: roaming}
	if bare(declared.IP) == p.IP {
		p.Port = declared.Port
	}
	return p
}

// Packet is a Conn of UDP datagrams with the header of RFC 1928, section 7. It
// takes datagrams from its peer alone, and sends to its peer alone: before the
// peer's port is known, what is to be sent is dropped as [DropUnsent]. A
// datagram that is dropped never changes where answers go.
type Packet struct {
	pc      *net.UDPConn
	t       transport
	drop    DropFunc
	ip      netip.Addr
	port    atomic.Uint32 // 0 until it is known
	roaming bool
	hosts   socks5.Hosts

	guard    func(from netip.AddrPort) bool // nil lets everyone in
	admitted uint32                         // the port that guard let in; for ReadBatch alone
}

// NewPacketServer returns the server's end of an association: pc faces client
// and belongs to the Packet from here on.
func NewPacketServer(pc *net.UDPConn, client Peer, drop DropFunc) (*Packet, error) {
	t, err := newTransport(pc, drop)
	if err != nil {
		return nil, err
	}
	p := &Packet{pc: pc, t: t, drop: drop, ip: bare(client.IP), roaming: client.Roaming}
	p.port.Store(uint32(client.Port))
	return p, nil
}

// NewPacketClient returns the client's end of an association: pc, connected or
// not, speaks to relay only and belongs to the Packet from here on.
func NewPacketClient(pc *net.UDPConn, relay netip.AddrPort, drop DropFunc) (*Packet, error) {
	return NewPacketServer(pc, Peer{IP: relay.Addr(), Port: relay.Port()}, drop)
}

// Guard has admit asked about the port of the first datagram, which it may drop
// as one of a stranger, and about each port that the peer moves to. It is called
// before ReadBatch is.
func (p *Packet) Guard(admit func(from netip.AddrPort) bool) { p.guard = admit }

// ReadBatch implements [Conn].
func (p *Packet) ReadBatch(ds []Datagram) (int, error) {
	for {
		ms, err := p.t.receive(len(ds))
		if err != nil {
			return 0, err
		}
		n := 0
		for i := range ms {
			if p.take(&ds[n], &ms[i]) {
				n++
			}
		}
		if n > 0 {
			return n, nil
		}
	}
}

// take reads m into d and tells whether it is a datagram of the peer's.
func (p *Packet) take(d *Datagram, m *message) bool {
	port := uint32(m.peer.Port())
	known := p.port.Load()
	if bare(m.peer.Addr()) != p.ip || known != 0 && known != port && !p.roaming {
		p.drop.Count(DropStranger)
		return false
	}
	addr, data, err := p.hosts.DecodeDatagram(m.data)
	if err != nil || !addr.Valid() {
		p.drop.Count(dropOf(err))
		return false
	}
	if p.guard != nil && p.admitted != port {
		if !p.guard(netip.AddrPortFrom(p.ip, uint16(port))) {
			p.drop.Count(DropStranger)
			return false
		}
		p.admitted = port
	}
	if known != port {
		p.port.Store(port)
	}
	*d = Datagram{Addr: addr, Data: data}
	return true
}

// dropOf tells why a datagram that could not be decoded is dropped.
func dropOf(err error) Drop {
	if errors.Is(err, socks5.ErrFragment) {
		return DropFragment
	}
	return DropMalformed
}

// WriteBatch implements [Conn].
func (p *Packet) WriteBatch(ds []Datagram) error {
	peer := netip.AddrPortFrom(p.ip, uint16(p.port.Load()))
	b := outBatches.Get().(*outBatch)
	defer b.release()
	for i := range ds {
		d := &ds[i]
		switch {
		case peer.Port() == 0:
			p.drop.Count(DropUnsent)
			continue
		case len(d.Addr.Name) > socks5.MaxName,
			!fits(p.ip, 3+socks5.AddrLen(d.Addr)+len(d.Data)):
			p.drop.Count(DropTooLong)
			continue
		}
		m := b.add(peer, d.Data)
		m.head = socks5.AppendDatagramHeader(m.head, d.Addr)
		if b.full() {
			if err := p.t.send(b); err != nil {
				return err
			}
		}
	}
	return p.t.send(b)
}

// LocalAddr implements [Conn].
func (p *Packet) LocalAddr() net.Addr { return p.pc.LocalAddr() }

// Close implements [Conn].
func (p *Packet) Close() error { return p.pc.Close() }
