package server_test

import (
	"net/netip"
	"testing"

	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// A port of this server at one address is anybody's at another.
func TestOwnPortElsewhere(t *testing.T) {
	h := start(t, &server.Server{})
	own := netip.MustParseAddrPort(h.addr)
	other := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.9"), own.Port())
	listenTCP(t, other.String())
	ask(t, h.dial(t), 1, other.String(), socks5.Succeeded)
	ask(t, h.dial(t), 1, own.String(), socks5.NotAllowed)
}
