package acl_test

import (
	"net/netip"
	"testing"

	"github.com/socksctl/socksctl/internal/acl"
	"github.com/socksctl/socksctl/server"
)

func FuzzParse(f *testing.F) {
	f.Add([]byte(many(8)))
	f.Add([]byte("[global]\ndefault_policy='allow'\n[[groups]]\nname='g'\n[[groups.rules]]\naction='block'\nports='1-2,*'\nsources=['::/0']"))
	f.Fuzz(func(t *testing.T, text []byte) {
		rules, err := acl.Parse("f", text)
		if (rules == nil) == (err == nil) {
			t.Errorf("got %v and %v", rules, err)
		}
	})
}

// Whatever is asked, a special address is never reached by a wildcard, and a
// block on the address holds under every name.
func FuzzDecide(f *testing.F) {
	wild := policy(f, user(rule("action='allow'")+rule("action='block'\ndestinations=['8.8.8.8']")), acl.Options{})
	f.Add("a.test", []byte{10, 0, 0, 1}, uint16(443))
	f.Add("127.1", []byte{8, 8, 8, 8}, uint16(0))
	f.Fuzz(func(t *testing.T, name string, addr []byte, port uint16) {
		ip, ok := netip.AddrFromSlice(addr)
		if !ok {
			return
		}
		q := ask(server.StageDial, name, ip.String(), port)
		ip = ip.Unmap()
		refused := ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip == netip.MustParseAddr("8.8.8.8")
		if d := wild.Decide(q); d.Allowed && refused {
			t.Errorf("%q %v: %v", name, ip, d)
		}
	})
}
