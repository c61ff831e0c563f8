package server

import (
	"context"
	"net"
	"net/netip"
	"syscall"

	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/socks5"
)

// ListenPacket opens a UDP socket for IPv4 and IPv6, or for IPv4 alone where
// there is no IPv6. Each address that a name stands for is judged before a
// datagram goes to it, and unless d.FullCone is set, datagrams come in only
// from hosts that one was sent to.
func (d *Direct) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	config := net.ListenConfig{Control: noBroadcast}
	if address == "" {
		address = ":0"
	}
	pc, err := config.ListenPacket(ctx, network, address)
	if err != nil {
		return nil, err
	}
	udp := pc.(*net.UDPConn)
	p := &directPacket{UDPConn: udp, session: SessionFrom(ctx), fullCone: d.FullCone}
	socket, err := carrier.NewSocket(udp, p.count)
	if err != nil {
		udp.Close()
		return nil, err
	}
	p.conn = carrier.NewResolved(socket, carrier.NewNames(d.lookup), p.allow, p.count)
	return p, nil
}

// directPacket is a UDP socket that judges where datagrams go and whom they
// come from. As a carrier.Conn it moves several a call.
type directPacket struct {
	*net.UDPConn
	conn      carrier.Conn
	session   *Session
	fullCone  bool
	contacted contacts
}

var _ carrier.Conn = (*directPacket)(nil)

func (p *directPacket) count(d carrier.Drop) {
	if p.session != nil {
		p.session.drop(d)
	}
}

// allow judges the address that a name stands for; an address that was asked
// for as such has been judged already. Then it is known as contacted.
func (p *directPacket) allow(asked socks5.Addr, ip netip.Addr) bool {
	if asked.IsName() {
		t := Target{Stage: StageDatagram, Host: asked.Name, Addr: netip.AddrPortFrom(ip, asked.Port)}
		if p.session.judge(context.Background(), t) != nil {
			return false
		}
		p.session.learn(asked, ip)
	}
	if !p.fullCone {
		p.contacted.note(ip, p.session.targetsMost())
	}
	return true
}

// ReadBatch reads what comes from hosts that a datagram was sent to.
func (p *directPacket) ReadBatch(ds []carrier.Datagram) (int, error) {
	for {
		n, err := p.conn.ReadBatch(ds)
		if err != nil || p.fullCone {
			return n, err
		}
		kept := 0
		for _, d := range ds[:n] {
			if !p.contacted.has(d.Addr.IP) {
				p.count(carrier.DropUnasked)
				continue
			}
			ds[kept] = d
			kept++
		}
		if kept > 0 {
			return kept, nil
		}
	}
}

// WriteBatch sends to addresses and names.
func (p *directPacket) WriteBatch(ds []carrier.Datagram) error { return p.conn.WriteBatch(ds) }

// Close closes the socket and ends the look-ups that are under way.
func (p *directPacket) Close() error { return p.conn.Close() }

// ReadFrom is ReadBatch for one datagram; what b is too short for is cut.
func (p *directPacket) ReadFrom(b []byte) (int, net.Addr, error) {
	var ds [1]carrier.Datagram
	if _, err := p.ReadBatch(ds[:]); err != nil {
		return 0, nil, err
	}
	return copy(b, ds[0].Data), net.UDPAddrFromAddrPort(ds[0].Addr.AddrPort()), nil
}

// WriteTo is WriteBatch for one datagram.
func (p *directPacket) WriteTo(b []byte, to net.Addr) (int, error) {
	ds := [1]carrier.Datagram{{Addr: socks5.AddrOf(to), Data: b}}
	return len(b), p.WriteBatch(ds[:])
}

// noBroadcast takes back the permission to send to broadcast addresses, which
// package net gives every UDP socket: only the system knows them all.
func noBroadcast(_, _ string, raw syscall.RawConn) error {
	var err error
	if cerr := raw.Control(func(fd uintptr) { err = clearBroadcast(fd) }); cerr != nil {
		return cerr
	}
	return err
}
