package owner_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/socksctl/socksctl/internal/owner"
)

// Whom a balancer names is let in from elsewhere only: on this host it cannot be
// told who it is.
func TestNamedClients(t *testing.T) {
	gate, err := owner.NewGate()
	if err != nil {
		t.Fatal(err)
	}
	here := []string{"127.0.0.1", "::1", "::ffff:127.0.0.9"}
	own, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range own {
		here = append(here, a.(*net.IPNet).IP.String())
	}
	for _, ip := range here {
		if err := gate.AdmitNamed(netip.MustParseAddr(ip)); err == nil {
			t.Errorf("%s was let in", ip)
		}
	}
	for _, ip := range []string{"192.0.2.1", "2001:db8::1"} {
		if err := gate.AdmitNamed(netip.MustParseAddr(ip)); err != nil {
			t.Errorf("%s: %v", ip, err)
		}
	}
}
