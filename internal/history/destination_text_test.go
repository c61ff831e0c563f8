package history_test

import (
	"net/netip"
	"testing"

	"github.com/socksctl/socksctl/internal/history"
)

func TestDestinationInWords(t *testing.T) {
	at := netip.MustParseAddr
	for want, r := range map[string]history.Record{
		"":                            {Command: "connect"},
		"example.com:443":             {Command: "connect", Host: "example.com", Port: 443},
		"example.com:443 (192.0.2.1)": {Command: "connect", Host: "example.com", Port: 443, Resolved: netip.MustParseAddrPort("192.0.2.1:443")},
		"[2001:db8::1]:80":            {Command: "connect", Host: "2001:db8::1", Port: 80, Resolved: netip.MustParseAddrPort("[2001:db8::1]:80")},
		"192.0.2.9:0":                 {Command: "bind", Host: "192.0.2.9"},
		"dns.example:53 and 1 more":   {Command: "udp", Targets: []history.Target{{}, {Host: "dns.example", Address: at("192.0.2.1"), Port: 53}}},
		"others and 1 more":           {Command: "udp", Targets: []history.Target{{Host: "dns.example", Port: 53}, {}}},
		"192.0.2.1:53":                {Command: "udp", Targets: []history.Target{{Address: at("192.0.2.1"), Port: 53}}},
	} {
		if got := r.Destination(len(r.Targets)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := (&history.Record{Command: "udp"}).Destination(0); got != "" {
		t.Errorf("an association with nobody: got %q", got)
	}
}
