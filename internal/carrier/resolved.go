package carrier

import (
	"net"
	"net/netip"

	"github.com/socksctl/socksctl/internal/socks5"
)

// AllowFunc tells whether a datagram that was asked to go to asked (a name or
// an address) may go to ip, the address really used. Among the addresses of a
// name the first allowed one is taken; when none is, the datagram is dropped as
// DropDenied. It is called from several goroutines, for each datagram.
type AllowFunc func(asked socks5.Addr, ip netip.Addr) bool

// Resolved is a Conn that takes names where the Conn under it takes addresses.
type Resolved struct{ Conn }

// NewResolved returns a Conn over under that resolves with names and asks allow
// (nil allows) about every address before it sends there. It owns both.
func NewResolved(under Conn, names *Names, allow AllowFunc, drop DropFunc) *Resolved {
	return &Resolved{under}
}

// FromPacketConn returns pc itself when it is a Conn, and else a Conn on it.
func FromPacketConn(pc net.PacketConn, drop DropFunc) Conn {
	if c, ok := pc.(Conn); ok {
		return c
	}
	panic("being written")
}
