package acl_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/internal/acl"
	"github.com/socksctl/socksctl/server"
)

// rulesOf returns a file in which everyone, and a group of everyone, may go
// anywhere from the sources given; "-" leaves a rule out, "" its sources.
func rulesOf(everyone, group string) string {
	head := "[[groups]]\nname='g'\n"
	if group != "-" {
		head += "[[groups.rules]]\naction='allow'\n" + sources(group)
	}
	head += "[[users]]\nname='*'\ngroups=['g']\n"
	if everyone != "-" {
		head += "[[users.rules]]\naction='allow'\n" + sources(everyone)
	}
	return head
}

func sources(list string) string {
	if list == "" {
		return ""
	}
	return "sources=['" + strings.ReplaceAll(list, " ", "','") + "']\n"
}

func TestKnowsClients(t *testing.T) {
	for rules, want := range map[string]bool{
		"":                                     false, // nobody is let in
		"[global]\ndefault_policy='allow'":     false,
		"[global]\ndefault_policy='block'":     false,
		rulesOf("-", "-"):                      false,
		rulesOf("192.0.2.0/24", "-"):           true,
		rulesOf("10.0.0.0/8", "2001:db8::/32"): true,
		rulesOf("192.0.2.1", "2001::/16"):      true,
		rulesOf("", "-"):                       false,
		rulesOf("192.0.2.0/24", ""):            false,
		rulesOf("0.0.0.0/0", "-"):              false,
		rulesOf("::/0", "-"):                   false,
		rulesOf("0.0.0.0/1 128.0.0.0/1", "-"):  false,
		rulesOf("192.0.2.0/24 0.0.0.0/7", "-"): false,
		rulesOf("192.0.2.0/24", "2000::/15"):   false,
		rulesOf("::ffff:0.0.0.0/96", "-"):      false, // 0.0.0.0/0
		rulesOf("::ffff:192.0.2.0/120", "-"):   true,
		"[global]\ndefault_policy='allow'\n" + rulesOf("192.0.2.0/24", "-"):                       false,
		rulesOf("192.0.2.0/24", "-") + "[[users]]\nname='alice'\n[[users.rules]]\naction='allow'": true, // who is nobody is not alice
		"[[groups]]\nname='h'\n[[groups.rules]]\naction='allow'\n" + rulesOf("192.0.2.0/24", "-"): true, // nor in h
		rulesOf("-", "-") + "[[users.rules]]\naction='block'":                                     false,
	} {
		if got := policy(t, rules, acl.Options{}).KnowsClients(); got != want {
			t.Errorf("got %v, want %v, for\n%s", got, want, rules)
		}
	}
	if p, err := acl.New("", acl.Options{}); err != nil || p.KnowsClients() {
		t.Errorf("without a file: got %v, want clients not to be known", err)
	}
}

// A server relies on rules that know their clients, and on no others.
func TestMayServe(t *testing.T) {
	everywhere := &net.TCPAddr{IP: net.IPv4zero, Port: 1080}
	closed := &server.Server{Policy: policy(t, rulesOf("192.0.2.0/24", "-"), acl.Options{})}
	if err := closed.MayServe(everywhere, nil); err != nil {
		t.Errorf("rules that know clients: %v", err)
	}
	open := &server.Server{Policy: policy(t, rulesOf("", "-"), acl.Options{})}
	if err := open.MayServe(everywhere, nil); !errors.Is(err, server.ErrOpenProxy) {
		t.Errorf("rules for all: got %v, want ErrOpenProxy", err)
	}
}

// What was closed is not opened by a new file.
func TestReloadStaysClosed(t *testing.T) {
	o := acl.Options{MustKnowClients: true}
	if _, err := acl.New(writeRules(t, rulesOf("", "-")), o); !errors.Is(err, server.ErrOpenProxy) {
		t.Errorf("rules for all: got %v, want ErrOpenProxy", err)
	}
	path := writeRules(t, rulesOf("192.0.2.0/24", "-"))
	p, err := acl.New(path, o)
	if err != nil {
		t.Fatal(err)
	}
	q := acl.Query{Command: "connect", Target: server.Target{Stage: server.StageRequest, Host: "a.test"}}
	for _, c := range []struct {
		rules, from string
		ok          bool
	}{
		{rulesOf("", "-"), "192.0.2.9", false},
		{"[global]\ndefault_policy='allow'", "192.0.2.9", false},
		{rulesOf("198.51.100.0/24", "-"), "198.51.100.9", true},
		{rulesOf("0.0.0.0/0", "-"), "198.51.100.9", false},
		{"", "nowhere", true},
	} {
		if err := os.WriteFile(path, []byte(c.rules), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := p.Reload(); (err == nil) != c.ok || !c.ok && !errors.Is(err, server.ErrOpenProxy) {
			t.Errorf("got %v for\n%s", err, c.rules)
		}
		for _, from := range []string{"192.0.2.9", "198.51.100.9", "203.0.113.9"} {
			q.Source = netip.MustParseAddr(from)
			if d := p.Decide(q); d.Allowed != (from == c.from) {
				t.Errorf("from %s: got %v after\n%s", from, d, c.rules)
			}
		}
	}
}
