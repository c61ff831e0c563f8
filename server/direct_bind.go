package server

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"github.com/socksctl/socksctl/internal/errno"
	"github.com/socksctl/socksctl/internal/relay"
	"github.com/socksctl/socksctl/internal/socks5"
)

// maxStrangers is how many connections from others than the expected peer a
// BIND listener turns away before it gives up.
const maxStrangers = 256

// firstFreePort is the first port that a client may ask for.
const firstFreePort = 1024

var errStrangers = errors.New("too many connections from others than the expected peer")

// Listen opens a port for the one connection of a BIND. It listens on the
// address that a connection to peer would come from; when anyone may connect,
// on the one that the client reached this server at, and then on peer's port
// if that can be had.
func (d *Direct) Listen(ctx context.Context, network, peer string) (net.Listener, error) {
	addr, err := socks5.ParseAddr(peer)
	if err != nil {
		return nil, err
	}
	session := SessionFrom(ctx)
	l := &bindListener{session: session, host: addr.Name}
	var port uint16
	local := netip.IPv4Unspecified()
	switch {
	case addr.IP.IsValid() && addr.IP.IsUnspecified():
		port = addr.Port
		if session != nil {
			local = hostOf(session.local).Addr()
		}
	default:
		if l.expected, err = d.expect(ctx, addr); err != nil {
			return nil, err
		}
		if local, err = source(ctx, l.expected[0]); err != nil {
			return nil, err
		}
	}
	if l.TCPListener, err = d.open(ctx, network, local, port); err != nil {
		return nil, err
	}
	l.addr = advertised(l.TCPListener.Addr(), d.Advertise)
	return l, nil
}

// expect returns the addresses that may connect.
func (d *Direct) expect(ctx context.Context, peer socks5.Addr) ([]netip.Addr, error) {
	if peer.IP.IsValid() {
		return []netip.Addr{peer.IP}, nil
	}
	addrs, err := d.lookup(ctx, peer.Name)
	if err == nil && len(addrs) == 0 {
		err = &net.DNSError{Err: "no address", Name: peer.Name, IsNotFound: true}
	}
	return addrs, err
}

// source returns the address that a connection to addr would come from. The
// system tells it of a UDP socket, for which nothing is sent.
func source(ctx context.Context, addr netip.Addr) (netip.Addr, error) {
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "udp", netip.AddrPortFrom(addr, 53).String())
	if err != nil {
		return netip.Addr{}, err
	}
	defer c.Close()
	return addrPort(c.LocalAddr()).Addr(), nil
}

// open listens on the port asked for if it may be had, and on another if not.
func (d *Direct) open(ctx context.Context, network string, local netip.Addr, port uint16) (l *net.TCPListener, err error) {
	try := func(port uint16) error {
		var config net.ListenConfig
		any, err := config.Listen(ctx, network, netip.AddrPortFrom(local, port).String())
		if err == nil {
			l = any.(*net.TCPListener)
		}
		return err
	}
	if port >= firstFreePort && d.Ports.Contains(port) {
		err := try(port)
		if !errno.Is(err, syscall.EADDRINUSE) {
			return l, err
		}
	}
	err = d.Ports.open(try)
	return l, err
}

// advertised returns addr with the public address in place of its own, if one
// is configured.
func advertised(addr net.Addr, public netip.Addr) net.Addr {
	if !public.IsValid() {
		return addr
	}
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(public, addrPort(addr).Port()))
}

// bindListener accepts the expected peer, once.
type bindListener struct {
	*net.TCPListener
	session  *Session
	addr     net.Addr
	host     string       // the name asked for, if it was one
	expected []netip.Addr // nil lets anyone in
}

// Addr returns the address to tell the peer.
func (l *bindListener) Addr() net.Addr { return l.addr }

// Accept turns strangers away without a byte, and judges the peer that it
// waited for.
func (l *bindListener) Accept() (net.Conn, error) {
	for range maxStrangers {
		c, err := l.TCPListener.Accept()
		if err != nil {
			return nil, err
		}
		rules, ap := l.session.rules(), addrPort(c.RemoteAddr())
		if l.expected != nil && !slices.Contains(l.expected, ap.Addr()) {
			relay.Abort(c)
			continue
		}
		t := Target{Stage: StagePeer, Host: l.host, Addr: ap}
		err = l.session.judge(context.Background(), t)
		if err == nil {
			err = l.session.reached(t, rules)
		}
		if err != nil {
			relay.Abort(c)
			return nil, err
		}
		_ = relay.KeepAlive(c, relay.KeepAliveConfig{}) // a conn on which it cannot be set has failed already
		return c, nil
	}
	return nil, errStrangers
}
