package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"

	"golang.org/x/net/proxy"

	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/relay"
	"github.com/socksctl/socksctl/internal/socks5"
)

// errUDPForward tells of datagrams that would have to leave Forward aside.
var errUDPForward error = &wrapped{"datagrams outside TLS cannot go the way of Forward", socks5.NotAllowed}

// ListenPacket opens an association for datagrams (RFC 1928, UDP ASSOCIATE).
// network is "udp", "udp4" or "udp6"; the proxy chooses its address, so that
// address counts for nothing. To a proxy with TLS the datagrams travel inside
// it, by the command 0xF3 or 0x05, or the call fails with [ErrUDPNotEncrypted];
// UDP says otherwise.
//
// WriteTo takes a *net.UDPAddr, or an [Addr] with a name in it, and ReadFrom
// returns the sender in the same way. What cannot be sent or read as a datagram
// is dropped. The association ends with Close, or when the proxy ends its
// connection: then ReadFrom and WriteTo return a [*ProxyError].
func (d *Dialer) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	pc, err := d.associate(ctx, network)
	if err != nil {
		return nil, d.refused("udp", network, nil, err)
	}
	return pc, nil
}

func (d *Dialer) associate(ctx context.Context, network string) (*packetConn, error) {
	switch network {
	case "udp", "udp4", "udp6":
	default:
		return nil, net.UnknownNetworkError(network)
	}
	switch {
	case d.UDP == UDPOff:
		return nil, ErrUDPOff
	case d.TLS != nil && d.UDP == UDPTLS:
		return d.associateStream(ctx)
	}
	return d.associatePacket(ctx)
}

// associateStream asks for frames on the control connection, by each command
// that has them, on a connection of its own.
func (d *Dialer) associateStream(ctx context.Context) (*packetConn, error) {
	var err error
	for _, command := range d.streamCommands() {
		var s *session
		var bound socks5.Addr
		if s, bound, err = d.ask(ctx, socks5.Request{Command: command}); err == nil {
			d.streamCmd.Store(uint32(command))
			return newStreamConn(s, command, bound), nil
		}
		if !unknownCommand(err) {
			return nil, err
		}
		d.log().DebugContext(ctx, "proxy does not know the command", "proxy", d.URL(), "command", byte(command))
	}
	return nil, fmt.Errorf("%w: %w", ErrUDPNotEncrypted, err)
}

// streamCommands returns the commands to try, the one that worked before first.
func (d *Dialer) streamCommands() []socks5.Command {
	if socks5.Command(d.streamCmd.Load()) == socks5.FwdUDP {
		return []socks5.Command{socks5.FwdUDP, socks5.UDPTun}
	}
	return []socks5.Command{socks5.UDPTun, socks5.FwdUDP}
}

// unknownCommand tells whether err is how a proxy says that it does not know a
// command: reply 07, or hanging up.
func unknownCommand(err error) bool {
	var fault *ProxyError
	if errors.As(err, &fault) {
		return fault.Op == "request" && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
			errors.Is(err, relay.ErrTruncated))
	}
	return errors.Is(err, socks5.CommandNotSupported)
}

// associatePacket asks for a relay as RFC 1928 has it. The local socket is
// connected to it, so that the system drops what others send.
func (d *Dialer) associatePacket(ctx context.Context) (*packetConn, error) {
	if d.Forward != nil && d.Forward != proxy.Dialer(proxy.Direct) {
		return nil, errUDPForward
	}
	s, bound, err := d.ask(ctx, socks5.Request{Command: socks5.Associate})
	if err != nil {
		return nil, err
	}
	at := s.outside(bound)
	socket, err := dialRelay(ctx, at)
	if err == nil {
		var c *carrier.Packet
		p := newPacketConn(d, at)
		if c, err = carrier.NewPacketClient(socket, relayOf(socket), p.count); err == nil {
			p.start(c, s.conn)
			return p, nil
		}
		socket.Close()
	}
	s.conn.Close()
	return nil, d.fault("udp", err)
}

// dialRelay opens a socket to the relay that the proxy named.
func dialRelay(ctx context.Context, at socks5.Addr) (*net.UDPConn, error) {
	if at.Port == 0 || at.IP.IsMulticast() {
		return nil, fmt.Errorf("the proxy names %s as its relay", at)
	}
	var host net.Dialer
	c, err := host.DialContext(ctx, "udp", at.String())
	if err != nil {
		return nil, err
	}
	return c.(*net.UDPConn), nil
}

// relayOf returns where socket is connected to.
func relayOf(socket *net.UDPConn) netip.AddrPort {
	ap := socket.RemoteAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
