package main

import (
	"fmt"
	"slices"
)

// What follows is the specification of who gets in and out, as the table of
// TestAdmission holds it against servers. It knows nothing of their code.

// gate is how a server is configured. Clients come to its first listener.
type gate struct {
	listener string // "plain", "unix", or what TLS does with client certificates: "none", "request", "require"
	beyond   bool   // loopback
	beside   string // a second listener, on loopback: "", "plain", "request" or "require"
	users    bool   // there is a user file: alice
	program  bool   // in place of it, a program that knows her
	insecure bool   // it was told to be an open proxy
	rule     rule
}

// visit is how a client comes.
type visit struct {
	offered     string // methods
	password    string // of alice: "right", "wrong", "empty"; or "unknown", of somebody else
	certificate string // of carol: "good", "foreign", "expired", "usage", "revoked"; or ""
}

// outcome is what becomes of a visit.
type outcome struct {
	end  string
	user string // as whom the client was admitted
}

// The ends.
const (
	noStart      = "the server does not start"
	tlsRefused   = "refused by TLS"
	noMethod     = "method FF"
	loginRefused = "login refused"
	denied       = "reply 02"
	dialled      = "dialled"
)

// expected returns the outcome that has to be.
func expected(g gate, v visit) outcome {
	if !g.starts() {
		return outcome{end: noStart}
	}
	// Whoever is asked for a certificate and shows a bad one is refused.
	asked := g.listener == "request" || g.listener == "require"
	certified := asked && v.certificate == "good"
	if asked && !certified && v.certificate != "" || g.listener == "require" && !certified {
		return outcome{end: tlsRefused}
	}
	o := g.identify(v, certified)
	switch {
	case o.end != "":
		return o
	case !g.rule.allows(o.user, g.listener != "unix"):
		o.end = denied
	default:
		o.end = dialled
	}
	return o
}

// starts tells whether the server may serve. Beyond loopback it must have a
// login, require certificates, have rules that know its clients, or have been
// told to do without.
func (g gate) starts() bool {
	return !g.beyond || g.users || g.insecure || g.listener == "require" || g.rule.clients
}

// identify returns as whom the client is admitted, or the end it meets.
func (g gate) identify(v visit, certified bool) outcome {
	none, password := slices.Contains([]byte(v.offered), 0x00), slices.Contains([]byte(v.offered), 0x02)
	switch {
	// Where certificates are requested they stand for a login, and go first.
	case g.listener == "request" && certified && none:
		return outcome{user: "carol"}
	// A password is asked for wherever there are users, beside a certificate too.
	case g.users && password && v.password == "right":
		return outcome{user: "alice"}
	case g.users && password:
		return outcome{end: loginRefused}
	case g.users, !none:
		return outcome{end: noMethod}
	case certified:
		return outcome{user: "carol"}
	// To be asked for a certificate is no login.
	case g.listener == "request" && !g.insecure:
		return outcome{end: noMethod}
	}
	return outcome{} // nobody in particular
}

// rule is a rule file and what it says. here tells that the client's address is
// one of 127.0.0.0/8; on a unix socket it has none.
type rule struct {
	name, text string
	allows     func(user string, here bool) bool
	clients    bool // it tells those that it lets through without a login by their addresses
}

func rules() []rule {
	const (
		allow = "[global]\ndefault_policy = \"allow\"\n"
		block = "[global]\ndefault_policy = \"block\"\n"
	)
	user := func(name, action, extra string) string {
		return fmt.Sprintf("[[users]]\nname = %q\n[[users.rules]]\naction = %q\ndestinations = [\"*\"]\n%s\n", name, action, extra)
	}
	everyone := func(string, bool) bool { return true }
	nobody := func(string, bool) bool { return false }
	only := func(name string) func(string, bool) bool {
		return func(user string, _ bool) bool { return user == name }
	}
	but := func(name string) func(string, bool) bool {
		return func(user string, _ bool) bool { return user != name }
	}
	fromHere := func(_ string, here bool) bool { return here }
	return []rule{
		{"no rule", "", everyone, false},
		{"allow all", allow, everyone, false},
		{"block all", block, nobody, false},
		{"allow alice", block + user("alice", "allow", ""), only("alice"), false},
		{"block alice", allow + user("alice", "block", ""), but("alice"), false},
		{"allow carol", block + user("carol", "allow", ""), only("carol"), false},
		{"allow from here", block + user("*", "allow", `sources = ["127.0.0.0/8"]`), fromHere, true},
		{"allow from elsewhere", block + user("*", "allow", `sources = ["192.0.2.0/24"]`), nobody, true},
		{"allow from everywhere", block + user("*", "allow", `sources = ["0.0.0.0/1", "128.0.0.0/1", "::/0"]`), fromHere, false},
		{"allow all, and from here", allow + user("*", "allow", `sources = ["127.0.0.0/8"]`), everyone, false},
		// A block is not outdone by what allows more.
		{"block all, allow alice", block + user("*", "block", "") + user("alice", "allow", "priority = 9"), nobody, false},
		{"allow all, block alice", allow + user("*", "allow", "priority = 9") + user("alice", "block", ""), but("alice"), false},
	}
}

// String returns the gate as failures name it.
func (g gate) String() string {
	text := g.listener
	if g.beyond {
		text += " beyond loopback"
	}
	if g.beside != "" {
		text += " beside " + g.beside
	}
	if g.users {
		text += ", users"
	}
	if g.program {
		text += " by a program"
	}
	if g.insecure {
		text += ", insecure"
	}
	return text + ", " + g.rule.name
}

// String returns the visit as failures name it.
func (v visit) String() string {
	return fmt.Sprintf("offering % x, password %q, certificate %q", v.offered, v.password, v.certificate)
}
