package server

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"

	"github.com/socksctl/socksctl/internal/relay"
)

// Direct is this host's network as an [Outbound]. It asks the session's policy
// again about every address that it has resolved: those it dials, those that
// connect to its BIND listeners, and those that datagrams go to.
//
// The zero Direct is ready for use; its fields are not changed after the first.
type Direct struct {
	Advertise netip.Addr    // in replies to BIND, in place of the listener's own address
	Ports     PortRange     // of BIND listeners
	FullCone  bool          // lets datagrams in from hosts that none was sent to
	Resolver  *net.Resolver // nil is net.DefaultResolver
}

var _ Outbound = (*Direct)(nil)

// DialContext connects to address. Each address that a name stands for is
// judged at the moment it is dialled, so that nothing can change in between. A
// name that leads to this server itself is refused as such, also when it has
// other addresses that cannot be reached.
func (d *Direct) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	session := SessionFrom(ctx)
	rules := session.rules()
	asked := nameOf(address)
	var own atomic.Bool
	dialer := net.Dialer{
		Resolver:  d.Resolver,
		KeepAlive: -1, // relay.KeepAlive sets it
		ControlContext: func(ctx context.Context, _, resolved string, _ syscall.RawConn) error {
			err := session.judge(ctx, Target{Stage: StageDial, Host: asked, Addr: parsed(resolved)})
			if errors.Is(err, errOwn) {
				own.Store(true)
			}
			return err
		},
	}
	c, err := dialer.DialContext(ctx, network, address)
	if err != nil && own.Load() {
		return nil, errOwn
	}
	if err != nil {
		return nil, err
	}
	if err := session.reached(Target{Stage: StageDial, Host: asked, Addr: addrPort(c.RemoteAddr())}, rules); err != nil {
		relay.Abort(c)
		return nil, err
	}
	_ = relay.KeepAlive(c, relay.KeepAliveConfig{}) // a conn on which it cannot be set has failed already
	return c, nil
}

// nameOf returns the name in address, "host:port", and nothing for an IP address.
func nameOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return ""
	}
	return host
}

// parsed returns "ip:port" with IPv4 as such.
func parsed(address string) netip.AddrPort {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// lookup returns the addresses of a name, IPv4 as such.
func (d *Direct) lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	resolver := d.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	addrs, err := resolver.LookupNetIP(ctx, "ip", name)
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	return addrs, err
}
