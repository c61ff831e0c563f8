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

const (
	allow, block  = "action='allow'\n", "action='block'\n"
	request, dial = server.StageRequest, server.StageDial
)

func udp(q acl.Query) acl.Query  { q.Command = "udp"; return q }
func bind(q acl.Query) acl.Query { q.Command = "bind"; return q }

func decides(t *testing.T, cases map[string]decision) {
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := policy(t, c.rules, c.o).Decide(c.q).String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestDecide(t *testing.T) {
	decides(t, map[string]decision{
		"block before priority": {user(rule(allow+"priority=9") + rule(block)), acl.Options{}, ask(request, "a.test", "", 1), "block: user alice, rule 2"},
		"priority before order": {user(rule(allow) + rule(allow+"priority=1")), acl.Options{}, ask(request, "a.test", "", 1), "allow: user alice, rule 2"},
		"order":                 {user(rule(allow) + rule(allow)), acl.Options{}, ask(request, "a.test", "", 1), "allow: user alice, rule 1"},
		"order, groups first":   {"[[groups]]\nname='g'\n[[groups.rules]]\n" + allow + user(rule(allow)), acl.Options{}, ask(request, "a.test", "", 1), "allow: group g, rule 1"},
		"order, users first":    {user(rule(allow)) + "[[groups]]\nname='g'\n[[groups.rules]]\n" + allow, acl.Options{}, ask(request, "a.test", "", 1), "allow: user alice, rule 1"},
		"order, inline":         {"groups=[{name='g', rules=[{action='allow'}]}]\nusers=[{name='alice', groups=['g'], rules=[{action='allow'}]}]", acl.Options{}, ask(request, "a.test", "", 1), "allow: group g, rule 1"},
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
		"source, mapped":        {user(rule(allow + "sources=['::ffff:192.0.2.0/120']")), acl.Options{}, ask(request, "a.test", "", 1), "allow: user alice, rule 1"},
		"other source":          {user(rule(allow + "sources=['198.51.100.1']")), acl.Options{}, ask(request, "a.test", "", 1), "block: default_policy"},
		"group":                 {user("") + "[[groups]]\nname='g'\n[[groups.rules]]\n" + allow, acl.Options{}, ask(request, "a.test", "", 1), "allow: group g, rule 1"},
	})
}

// A name and its address are judged as one.
func TestDecidePairs(t *testing.T) {
	decides(t, map[string]decision{
		"address may allow":       {user(rule(allow + "destinations=['8.8.8.0/24']")), acl.Options{}, ask(request, "a.test", "", 1), "allow: judged by the address"},
		"address does":            {user(rule(allow + "destinations=['8.8.8.0/24']")), acl.Options{}, ask(dial, "a.test", "8.8.8.8", 1), "allow: user alice, rule 1"},
		"address does not":        {user(rule(allow + "destinations=['8.8.8.0/24']")), acl.Options{}, ask(dial, "a.test", "8.8.9.8", 1), "block: default_policy"},
		"no address will come":    {user(rule(allow + "destinations=['8.8.8.0/24']")), acl.Options{Unresolved: true}, ask(request, "a.test", "", 1), "block: default_policy"},
		"block on the address":    {user(rule(allow+"destinations=['a.test']") + rule(block+"destinations=['8.0.0.0/8']")), acl.Options{}, ask(dial, "a.test", "8.8.8.8", 1), "block: user alice, rule 2"},
		"block on the name":       {user(rule(block+"destinations=['a.test']") + rule(allow+"destinations=['8.0.0.0/8']")), acl.Options{}, ask(dial, "a.test", "8.8.8.8", 1), "block: user alice, rule 1"},
		"literal looked up":       {user(rule(allow) + rule(block+"destinations=['8.8.8.8']")), acl.Options{AllowPrivate: true}, ask(dial, "127.1", "8.8.8.8", 1), "block: user alice, rule 2"},
		"no address could":        {user(rule(block + "destinations=['8.8.8.0/24']")), acl.Options{}, ask(request, "a.test", "", 1), "block: default_policy"},
		"no address at this port": {user(rule(allow + "destinations=['8.8.8.0/24']\nports=80")), acl.Options{}, ask(request, "a.test", "", 81), "block: default_policy"},
		"an address at this port": {user(rule(allow + "destinations=['8.8.8.0/24']\nports=80")), acl.Options{}, ask(request, "a.test", "", 80), "allow: judged by the address"},
		"a block could follow":    {user(rule(allow+"destinations=['*.test']") + rule(block+"destinations=['8.0.0.0/8']")), acl.Options{}, ask(request, "a.test", "", 80), "allow: user alice, rule 1"},
	})
}

// Special addresses are let through by who names them.
func TestDecideSpecials(t *testing.T) {
	decides(t, map[string]decision{
		"private by wildcard":     {user(rule(allow + "destinations=['*.test']")), acl.Options{}, ask(dial, "a.test", "10.0.0.1", 1), "block: private address"},
		"private by all":          {user(rule(allow)), acl.Options{}, ask(dial, "a.test", "100.64.0.1", 1), "block: shared address"},
		"private by wider CIDR":   {user(rule(allow + "destinations=['0.0.0.0/0']")), acl.Options{}, ask(dial, "", "127.0.0.1", 1), "block: loopback address"},
		"private by default":      {"[global]\ndefault_policy='allow'", acl.Options{}, ask(dial, "", "fe80::1", 1), "block: link-local address"},
		"private by CIDR":         {user(rule(allow + "destinations=['10.0.0.0/8']")), acl.Options{}, ask(dial, "a.test", "10.0.0.1", 1), "allow: user alice, rule 1"},
		"private by name":         {user(rule(allow + "destinations=['a.test']")), acl.Options{}, ask(dial, "a.test", "10.0.0.1", 1), "allow: user alice, rule 1"},
		"private by **":           {user(rule(allow + "destinations=['**.a.test']")), acl.Options{}, ask(dial, "a.test", "10.0.0.1", 1), "block: private address"},
		"private allowed":         {user(rule(allow)), acl.Options{AllowPrivate: true}, ask(dial, "", "10.0.0.1", 1), "allow: user alice, rule 1"},
		"metadata though allowed": {user(rule(allow)), acl.Options{AllowPrivate: true}, ask(dial, "", "169.254.169.254", 1), "block: metadata address"},
		"metadata by name":        {user(rule(allow + "destinations=['a.test']")), acl.Options{}, ask(dial, "a.test", "fd00:ec2::254", 1), "block: metadata address"},
		"metadata by wider CIDR":  {user(rule(allow + "destinations=['169.254.0.0/16']")), acl.Options{}, ask(dial, "", "169.254.169.254", 1), "block: metadata address"},
		"metadata by its range":   {user(rule(allow + "destinations=['169.254.169.254/31']")), acl.Options{}, ask(dial, "", "169.254.169.254", 1), "block: metadata address"},
		"metadata by /128":        {user(rule(allow + "destinations=['fd00:ec2::254/128']")), acl.Options{}, ask(dial, "", "fd00:ec2::254", 1), "allow: user alice, rule 1"},
		"metadata, name unknown":  {user(rule(allow + "destinations=['a.test']")), acl.Options{AllowPrivate: true}, ask(dial, "a.test", "168.63.129.16", 1), "block: metadata address"},
		"tunnel though allowed":   {user(rule(allow)), acl.Options{AllowPrivate: true}, ask(dial, "", "2002:a00:1::1", 1), "block: tunnel address"},
		"tunnel by CIDR":          {user(rule(allow + "destinations=['2002::/16']")), acl.Options{}, ask(dial, "", "2002:a00:1::1", 1), "allow: user alice, rule 1"},
		"compatible by CIDR":      {user(rule(allow + "destinations=['::a00:0/104']")), acl.Options{}, ask(dial, "", "10.0.0.1", 1), "allow: user alice, rule 1"},
		"NAT64 by CIDR":           {user(rule(block+"destinations=['64:ff9b::/96']") + rule(allow)), acl.Options{}, ask(dial, "", "8.8.8.8", 1), "block: user alice, rule 1"},
		"all compatible":          {user(rule(block+"destinations=['::/96']") + rule(allow)), acl.Options{}, ask(dial, "", "::8.8.8.8", 1), "block: user alice, rule 1"},
		"the unspecified alone":   {user(rule(block+"destinations=['::/127']") + rule(allow)), acl.Options{}, ask(dial, "", "8.8.8.8", 1), "allow: user alice, rule 2"},
		"metadata by address":     {user(rule(allow + "destinations=['169.254.169.254']")), acl.Options{}, ask(dial, "", "169.254.169.254", 1), "allow: user alice, rule 1"},
	})
}

// BIND and UDP begin without a destination.
func TestDecideBINDAndUDP(t *testing.T) {
	decides(t, map[string]decision{
		"BIND from anywhere":       {user(rule(allow + "destinations=['8.8.8.8']")), acl.Options{}, bind(ask(request, "", "0.0.0.0", 0)), "allow: judged by what follows"},
		"BIND peer":                {user(rule(allow + "destinations=['8.8.8.8']\nports='20'")), acl.Options{}, bind(ask(server.StagePeer, "", "8.8.8.8", 40000)), "allow: user alice, rule 1"},
		"BIND stranger":            {user(rule(allow + "destinations=['8.8.8.8']")), acl.Options{}, bind(ask(server.StagePeer, "", "8.8.8.9", 40000)), "block: default_policy"},
		"BIND port asked for":      {user(rule(allow + "destinations=['8.8.8.8']\nports='20'")), acl.Options{}, bind(ask(request, "", "8.8.8.8", 21)), "block: default_policy"},
		"BIND peer's port blocked": {user(rule(allow+"destinations=['8.8.8.8']") + rule(block+"ports='1-1023'")), acl.Options{}, bind(ask(server.StagePeer, "", "8.8.8.8", 20)), "block: user alice, rule 2"},
		"BIND without a hope":      {user(rule(allow + "commands=['connect']")), acl.Options{}, bind(ask(request, "", "0.0.0.0", 0)), "block: default_policy"},
		"BIND on a forwarder":      {user(rule(allow + "destinations=['8.8.8.8']")), acl.Options{AllowPrivate: true, Unresolved: true}, bind(ask(request, "", "0.0.0.0", 0)), "block: default_policy"},
		"BIND there from anyone":   {user(rule(allow)), acl.Options{AllowPrivate: true, Unresolved: true}, bind(ask(request, "", "0.0.0.0", 0)), "allow: user alice, rule 1"},
		"UDP without a hope":       {user(rule(allow + "commands=['connect']")), acl.Options{}, udp(ask(request, "", "", 0)), "block: default_policy"},
		"UDP of others":            {user(rule(allow + "sources=['198.51.100.0/24']")), acl.Options{}, udp(ask(request, "", "", 0)), "block: default_policy"},
		"UDP on a forwarder":       {user(rule(allow + "destinations=['8.8.8.8']")), acl.Options{AllowPrivate: true, Unresolved: true}, udp(ask(request, "", "", 0)), "allow: judged by what follows"},
		"UDP answer by default":    {user(rule(allow + "commands=['connect']")), acl.Options{}, udp(ask(server.StageAnswer, "", "10.0.0.1", 53)), "allow: judged by what follows"},
		"UDP association":          {user(rule(allow + "destinations=['8.8.8.8']")), acl.Options{}, udp(ask(request, "", "", 0)), "allow: judged by what follows"},
		"UDP switched off":         {user(rule(block + "commands=['udp']")), acl.Options{}, udp(ask(request, "", "", 0)), "block: user alice, rule 1"},
		"UDP answer":               {user(rule(allow + "destinations=['a.test']")), acl.Options{}, udp(ask(server.StageAnswer, "", "8.8.8.8", 53)), "allow: judged by what follows"},
		"UDP answer of the barred": {user(rule(block + "destinations=['8.8.8.8']")), acl.Options{}, udp(ask(server.StageAnswer, "", "8.8.8.8", 53)), "block: user alice, rule 1"},
	})
}

// A reload that is prepared changes nothing until it is taken up.
func TestPrepare(t *testing.T) {
	path := writeRules(t, "")
	p, err := acl.New(path, acl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	allowed := func() bool { return p.Decide(ask(server.StageRequest, "a.test", "", 1)).Allowed }
	if commit, err := p.Prepare(); commit != nil || err != nil {
		t.Errorf("nothing changed: got a commit %v, %v", commit != nil, err)
	}
	if err := os.WriteFile(path, []byte("[global]\ndefault_policy='allow'"), 0o600); err != nil {
		t.Fatal(err)
	}
	commit, err := p.Prepare()
	if commit == nil || err != nil {
		t.Fatalf("got a commit %v, %v", commit != nil, err)
	}
	if allowed() {
		t.Error("it was taken up before the commit")
	}
	if commit(); !allowed() {
		t.Error("it was not taken up by the commit")
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
