package carrier

import (
	"net"
	"net/netip"
)

// Peer is the sender that a Packet takes datagrams from.
type Peer struct {
	IP      netip.Addr // the only address that may send
	Port    uint16     // the only port that may, or 0: that of the first valid datagram
	Roaming bool       // a valid datagram from another port of IP moves the peer there
}

// Packet is a Conn of RFC 1928 datagrams on a UDP socket.
type Packet struct{ pc *net.UDPConn }

// NewPacketServer returns the server's side: pc faces the client.
func NewPacketServer(pc *net.UDPConn, client Peer, drop DropFunc) (*Packet, error) {
	return &Packet{pc}, nil
}

// NewPacketClient returns the client's side: pc faces the relay, and is
// connected to it or takes only what comes from it.
func NewPacketClient(pc *net.UDPConn, relay netip.AddrPort, drop DropFunc) (*Packet, error) {
	return &Packet{pc}, nil
}

func (p *Packet) ReadBatch(ds []Datagram) (int, error) { panic("being written") }
func (p *Packet) WriteBatch(ds []Datagram) error       { panic("being written") }
func (p *Packet) LocalAddr() net.Addr                  { return p.pc.LocalAddr() }
func (p *Packet) Close() error                         { return p.pc.Close() }
