package acl_test

import (
	"net/netip"
	"testing"

	"github.com/socksctl/socksctl/internal/acl"
	"github.com/socksctl/socksctl/server"
)

// What parses can be asked; and if it is closed to strangers, who comes from no
// address gets nowhere.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		limited, rulesOf("192.0.2.0/24 ::/0", "10.0.0.0/8"), everywhere,
		"[global]\ndefault_policy='allow'\n[[groups]]\nname='g'\n[[groups.rules]]\naction='block'\nports='1-2,*'\nsources=['::/0']",
		"[[users]]\nusername='*'\n[[users.rules]]\naction='allow'\nports=[80,'8-9']\ndestinations=['*.a', '**.b', 'c*d', 'ü', '[::1]', '127.1']",
		"[[users]]\nname='a'\n[[users.rules]]\naction='allow'\nprotocols=['tcp']\ncommands=['bind']\npriority=-1\nlimits={bandwidth='1MiB'}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		rules, err := acl.Parse("f", text)
		if (rules == nil) == (err == nil) {
			t.Fatalf("got %v and %v", rules, err)
		}
		if rules == nil {
			return
		}
		for _, q := range questions()[:19] {
			q.User, q.Groups, q.Source = "", nil, netip.Addr{}
			if d := rules.Decide(q, acl.Options{}); d.Allowed && rules.Closed() {
				t.Errorf("%v: got %v, though strangers get nowhere", q.Target, d)
			}
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
