package human

import (
	"net"
	"net/netip"
)

// Address returns a as its String has it, of TCP for less: each session has some
// written down.
func Address(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || tcp == nil || tcp.Zone != "" || !tcp.AddrPort().IsValid() {
		return a.String()
	}
	at := tcp.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()).String()
}
