package acl_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/socksctl/socksctl/internal/acl"
	"github.com/socksctl/socksctl/server"
)

// policy returns the policy of a rule file with text.
func policy(t testing.TB, text string, o acl.Options) *acl.Policy {
	t.Helper()
	p, err := acl.New(writeRules(t, text), o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func writeRules(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rules.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// ask returns a question of alice about a name, an address, or both.
func ask(stage server.Stage, host, addr string, port uint16) acl.Query {
	q := acl.Query{User: "alice", Command: "connect", Source: netip.MustParseAddr("192.0.2.7")}
	var ip netip.Addr
	if addr != "" {
		ip = netip.MustParseAddr(addr)
	}
	q.Target = server.Target{Stage: stage, Host: host, Addr: netip.AddrPortFrom(ip, port)}
	return q
}

func user(rules string) string { return "[[users]]\nname='alice'\ngroups=['g']\n" + rules }

func rule(body string) string { return "[[users.rules]]\n" + body + "\n" }

// decision is a question of rules, and the answer.
type decision struct {
	rules string
	o     acl.Options
	q     acl.Query
	want  string
}

func TestDecide(t *testing.T) {
	const allow, block = "action='allow'\n", "action='block'\n"
	request, dial := server.StageRequest, server.StageDial
	udp := func(q acl.Query) acl.Query { q.Command = "udp"; return q }
	bind := func(q acl.Query) acl.Query { q.Command = "bind"; return q }
	for name, c := range map[string]decision{
		"block before priority": {user(rule(allow+"priority=9") + rule(block)), acl.Options{}, ask(request, "a.test", "", 1), "block: user alice, rule 2"},
		"priority before order": {user(rule(allow) + rule(allow+"priority=1")), acl.Options{}, ask(request, "a.test", "", 1), "allow: user alice, rule 2"},
		"order":                 {user(rule(allow) + rule(allow)), acl.Options{}, ask(request, "a.test", "", 1), "allow: user alice, rule 1"},
		"no default":            {user(""), acl.Options{}, ask(request, "a.test", "", 1), "block: default_policy"},
		"case and dot":          {user(rule(allow + "destinations=['A.Test.']")), acl.Options{}, ask(request, "a.TEST.", "", 1), "allow: user alice, rule 1"},
		"IDNA":                  {user(rule(allow + "destinations=['bücher.test']")), acl.Options{}, ask(request, "BÜCHER.test", "", 1), "allow: user alice, rule 1"},
		"IDNA, encoded":         {user(rule(allow + "destinations=['bücher.test']")), acl.Options{}, ask(request, "xn--bcher-kva.test", "", 1), "allow: user alice, rule 1"},
		"below":                 {user(rule(allow + "destinations=['*.a.test']")), acl.Options{}, ask(request, "x.y.a.test", "", 1), "allow: user alice, rule 1"},
		"not itself":            {user(rule(allow + "destinations=['*.a.test']")), acl.Options{}, ask(request, "a.test", "", 1), "block: default_policy"},
		"not a longer label":    {user(rule(allow + "destinations=['*.a.test']")), acl.Options{}, ask(request, "ba.test", "", 1), "block: default_policy"},
		"itself":                {user(rule(allow + "destinations=['**.a.test']")), acl.Options{}, ask(request, "a.test", "", 1), "allow: user alice, rule 1"},
		"in a label":            {user(rule(allow + "destinations=['prod-*.a.test']")), acl.Options{}, ask(request, "prod-1.a.test", "", 1), "allow: user alice, rule 1"},
		"in one label only":     {user(rule(allow + "destinations=['prod-*.a.test']")), acl.Options{}, ask(request, "prod-1.b.a.test", "", 1), "block: default_policy"},
		"in the last label":     {user(rule(allow + "destinations=['a.t*t']")), acl.Options{}, ask(request, "a.test", "", 1), "allow: user alice, rule 1"},
		"port":                  {user(rule(allow + "ports='80,100-200'")), acl.Options{}, ask(request, "a.test", "", 150), "allow: user alice, rule 1"},
		"other port":            {user(rule(allow + "ports='80,100-200'")), acl.Options{}, ask(request, "a.test", "", 201), "block: default_policy"},
		"protocol":              {user(rule(allow + "protocols=['udp']")), acl.Options{}, ask(request, "a.test", "", 1), "block: default_policy"},
		"command":               {user(rule(allow + "commands=['bind']")), acl.Options{}, bind(ask(request, "a.test", "", 1)), "allow: user alice, rule 1"},
		"source":                {user(rule(allow + "sources=['192.0.2.0/24']")), acl.Options{}, ask(request, "a.test", "", 1), "allow: user alice, rule 1"},
		"other source":          {user(rule(allow + "sources=['198.51.100.1']")), acl.Options{}, ask(request, "a.test", "", 1), "block: default_policy"},
		"group":                 {user("") + "[[groups]]\nname='g'\n[[groups.rules]]\n" + allow, acl.Options{}, ask(request, "a.test", "", 1), "allow: group g, rule 1"},

		"address may allow":        {user(rule(allow + "destinations=['8.8.8.0/24']")), acl.Options{}, ask(request, "a.test", "", 1), "allow: judged by the address"},
		"address does":             {user(rule(allow + "destinations=['8.8.8.0/24']")), acl.Options{}, ask(dial, "a.test", "8.8.8.8", 1), "allow: user alice, rule 1"},
		"address does not":         {user(rule(allow + "destinations=['8.8.8.0/24']")), acl.Options{}, ask(dial, "a.test", "8.8.9.8", 1), "block: default_policy"},
		"no address will come":     {user(rule(allow + "destinations=['8.8.8.0/24']")), acl.Options{Unresolved: true}, ask(request, "a.test", "", 1), "block: default_policy"},
		"block on the address":     {user(rule(allow+"destinations=['a.test']") + rule(block+"destinations=['8.0.0.0/8']")), acl.Options{}, ask(dial, "a.test", "8.8.8.8", 1), "block: user alice, rule 2"},
		"block on the name":        {user(rule(block+"destinations=['a.test']") + rule(allow+"destinations=['8.0.0.0/8']")), acl.Options{}, ask(dial, "a.test", "8.8.8.8", 1), "block: user alice, rule 1"},
		"private by wildcard":      {user(rule(allow + "destinations=['*.test']")), acl.Options{}, ask(dial, "a.test", "10.0.0.1", 1), "block: private address"},
		"private by all":           {user(rule(allow)), acl.Options{}, ask(dial, "a.test", "100.64.0.1", 1), "block: shared address"},
		"private by wider CIDR":    {user(rule(allow + "destinations=['0.0.0.0/0']")), acl.Options{}, ask(dial, "", "127.0.0.1", 1), "block: loopback address"},
		"private by default":       {"[global]\ndefault_policy='allow'", acl.Options{}, ask(dial, "", "fe80::1", 1), "block: link-local address"},
		"private by CIDR":          {user(rule(allow + "destinations=['10.0.0.0/8']")), acl.Options{}, ask(dial, "a.test", "10.0.0.1", 1), "allow: user alice, rule 1"},
		"private by name":          {user(rule(allow + "destinations=['a.test']")), acl.Options{}, ask(dial, "a.test", "10.0.0.1", 1), "allow: user alice, rule 1"},
		"private by **":            {user(rule(allow + "destinations=['**.a.test']")), acl.Options{}, ask(dial, "a.test", "10.0.0.1", 1), "block: private address"},
		"private allowed":          {user(rule(allow)), acl.Options{AllowPrivate: true}, ask(dial, "", "10.0.0.1", 1), "allow: user alice, rule 1"},
		"metadata though allowed":  {user(rule(allow)), acl.Options{AllowPrivate: true}, ask(dial, "", "169.254.169.254", 1), "block: metadata address"},
		"metadata by name":         {user(rule(allow + "destinations=['a.test']")), acl.Options{}, ask(dial, "a.test", "fd00:ec2::254", 1), "block: metadata address"},
		"metadata by wider CIDR":   {user(rule(allow + "destinations=['169.254.0.0/16']")), acl.Options{}, ask(dial, "", "169.254.169.254", 1), "block: metadata address"},
		"metadata by address":      {user(rule(allow + "destinations=['169.254.169.254']")), acl.Options{}, ask(dial, "", "169.254.169.254", 1), "allow: user alice, rule 1"},
		"BIND from anywhere":       {user(rule(allow + "destinations=['8.8.8.8']")), acl.Options{}, bind(ask(request, "", "0.0.0.0", 0)), "allow: judged by what follows"},
		"BIND peer":                {user(rule(allow + "destinations=['8.8.8.8']\nports='20'")), acl.Options{}, bind(ask(server.StagePeer, "", "8.8.8.8", 40000)), "allow: user alice, rule 1"},
		"BIND stranger":            {user(rule(allow + "destinations=['8.8.8.8']")), acl.Options{}, bind(ask(server.StagePeer, "", "8.8.8.9", 40000)), "block: default_policy"},
		"UDP association":          {user(rule(allow + "destinations=['8.8.8.8']")), acl.Options{}, udp(ask(request, "", "", 0)), "allow: judged by what follows"},
		"UDP switched off":         {user(rule(block + "commands=['udp']")), acl.Options{}, udp(ask(request, "", "", 0)), "block: user alice, rule 1"},
		"UDP answer":               {user(rule(allow + "destinations=['a.test']")), acl.Options{}, udp(ask(server.StageAnswer, "", "8.8.8.8", 53)), "allow: judged by what follows"},
		"UDP answer of the barred": {user(rule(block + "destinations=['8.8.8.8']")), acl.Options{}, udp(ask(server.StageAnswer, "", "8.8.8.8", 53)), "block: user alice, rule 1"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := policy(t, c.rules, c.o).Decide(c.q).String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// Every spelling of a loopback address is one.
func TestSpellings(t *testing.T) {
	spellings := []string{
		"127.0.0.1", "127.0.0.1.", "127.1", "127.1.", "127.0.1", "127.0.0x1", "127.0.01", "127.0.0.01", "127.0.0.0x1", "127.0.0.001",
		"0x7f.1", "0X7F.1", "0x7f.0.0.1", "0x7f.0x0.0x0.0x1", "0x7F.0.1", "0177.1", "0177.0.0.1", "0177.0.1", "0177.00.00.01", "00177.1",
		"2130706433", "2130706433.", "0x7f000001", "0X7F000001", "017700000001", "127.255.255.255", "127.16777215", "127.0.65535", "0x7f.0xffffff", "127.8",
		"::1", "[::1]", "0:0:0:0:0:0:0:1", "::0001", "::ffff:127.0.0.1", "[::ffff:127.0.0.1]", "::FFFF:7f00:1", "0:0:0:0:0:ffff:7f00:0001", "64:ff9b::7f00:1", "64:ff9b::127.0.0.1",
		"１２７.０.０.１", "127。0。0。1",
	}
	if len(spellings) < 40 {
		t.Fatalf("got %d spellings, want 40", len(spellings))
	}
	p := policy(t, "[global]\ndefault_policy='allow'", acl.Options{})
	for _, s := range spellings {
		if got := p.Decide(ask(server.StageRequest, s, "", 1)).String(); got != "block: loopback address" {
			t.Errorf("%s: got %s, want block: loopback address", s, got)
		}
	}
	for _, name := range []string{"127.0.0.1.test", "1.2.3.4.5", "0x", "08.1", "256.1.1.1", "4294967296", "a.1"} {
		if got := p.Decide(ask(server.StageRequest, name, "", 1)).String(); got != "allow: default_policy" {
			t.Errorf("%s: got %s, want allow: default_policy", name, got)
		}
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"[global]\ndefault='allow'":                                    "f: line 2: unknown key global.default",
		"[global]\ndefault_policy='x'":                                 `f: line 2: global.default_policy: "x" is not one of allow, block`,
		"[[users]]\nname='a'\n[[users.rules]]\nports='9-1'":            `f: line 4: users.rules.ports: "9-1" is not ports such as "443", "8000-9000", "80,443" or "*"`,
		"[[users]]\nname='a'\n[[users]]\nname='a'":                     `f: line 3: users.name: "a" is there twice`,
		"[[users]]\nname='a'\n[[users.rules]]\npriority=1":             "f: line 1: users.rules.action: is missing in rule 1 of a",
		"[[users]]\nname='a'\n[[users.rules]]\nsources=['10.0.0.1/8']": `f: line 4: users.rules.sources: "10.0.0.1/8" has bits beyond its mask: write 10.0.0.0/8`,
	} {
		if _, err := acl.Parse("f", []byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q:\ngot  %v\nwant %s", text, err, want)
		}
	}
}

// A bad file keeps the rules, a good one goes into force, and the session has
// the rule.
func TestReload(t *testing.T) {
	path := writeRules(t, "")
	p, err := acl.New(path, acl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &server.Session{Command: "connect", Client: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}}
	target := server.Target{Stage: server.StageRequest, Host: "a.test"}
	for _, c := range []struct {
		text    string
		ok      bool
		allowed bool
	}{{"nonsense", false, false}, {"[global]\ndefault_policy='allow'", true, true}, {"[[users]]", false, true}} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := p.Reload(); (err == nil) != c.ok {
			t.Errorf("%q: got %v", c.text, err)
		}
		err := p.Allow(t.Context(), s, target)
		if (err == nil) != c.allowed || err != nil && !errors.Is(err, server.ErrDenied) || s.Rule() != "default_policy" {
			t.Errorf("%q: got %v by %q, want allowed %v", c.text, err, s.Rule(), c.allowed)
		}
	}
}
