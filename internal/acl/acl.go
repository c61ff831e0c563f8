// Package acl says who may go where: rules of a file, compiled once, as the
// policy of a server. docs/acl.md has the semantics. A decision allocates
// nothing, unless the name that was asked for is not ASCII, and takes as long
// with ten thousand rules as with ten when these tell users or destinations
// apart.
package acl

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/socksctl/socksctl/internal/files"
	"github.com/socksctl/socksctl/server"
)

// Options are what a [Policy] is beside its file. They do not change.
type Options struct {
	// AllowPrivate lets special addresses be judged like any other, all but those
	// of metadata services.
	AllowPrivate bool
	// Unresolved tells that names are never looked up here, as in a forwarder, so
	// that what is said of a name is said for good.
	Unresolved bool
	// MustKnowClients refuses rules by which strangers get anywhere, for a server
	// that asks for no login because of [Policy.KnowsClients].
	MustKnowClients bool
}

// Policy is a [server.Policy]. It is safe for use by many goroutines.
type Policy struct {
	path    string
	options Options
	rules   atomic.Pointer[Rules]
}

var _ server.Policy = (*Policy)(nil)

// New returns the policy of a rule file. Without one, path "", all is allowed
// but special addresses.
func New(path string, o Options) (*Policy, error) {
	p := &Policy{path: path, options: o}
	if err := p.Reload(); err != nil {
		return nil, err
	}
	return p, nil
}

// Reload reads the file again, for the decisions to come. When it cannot be used
// the error says why, and the rules stay as they were.
func (p *Policy) Reload() error {
	commit, err := p.Prepare()
	if commit != nil {
		commit()
	}
	return err
}

// Prepare is the first half of a reload, for who has more to reload than this: it
// reads the file again, and commit takes it up. It is nil when the file has not
// changed or cannot be used. Of several reloads at a time the last commit counts.
func (p *Policy) Prepare() (commit func(), err error) {
	text := []byte("[global]\ndefault_policy = \"allow\"\n")
	if p.path != "" {
		if text, err = files.Read(p.path); err != nil {
			return nil, fmt.Errorf("rule file: %w", err)
		}
	}
	if old := p.rules.Load(); old != nil && old.sum == sha256.Sum256(text) {
		return nil, nil
	}
	rules, err := Parse(p.path, text)
	if err != nil {
		return nil, err
	}
	if p.options.MustKnowClients && !rules.closed() {
		return nil, fmt.Errorf("%s: lets in clients from anywhere: %w", p.path, server.ErrOpenProxy)
	}
	return func() { p.rules.Store(rules) }, nil
}

// HasAddressRules tells whether a rule has an address or a CIDR among its
// destinations: such a rule judges no name that is never looked up.
func (p *Policy) HasAddressRules() bool { return p.rules.Load().addresses }

// Allow judges what a session asks for, and records the rule in it. Its errors
// wrap [server.ErrDenied].
func (p *Policy) Allow(_ context.Context, s *server.Session, t server.Target) error {
	d := p.Decide(question(s, t))
	if t.Stage != server.StageAnswer {
		s.SetRule(d.Rule)
	}
	if !d.Allowed {
		return server.ErrDenied
	}
	return nil
}

// sourceOf returns the address of a client, and none of one on a unix socket.
func sourceOf(a net.Addr) netip.Addr {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// Query is what is judged.
type Query struct {
	User    string
	Groups  []string   // beside those of the file
	Source  netip.Addr // of the client; none on a unix socket
	Command string     // "connect", "bind" or "udp"
	server.Target
}

// Decision is what became of a [Query].
type Decision struct {
	Allowed bool
	Rule    string // what decided: a rule by its place and description, default_policy, or the kind of address
}

// String returns the decision as acl test prints it.
func (d Decision) String() string {
	if d.Allowed {
		return fmt.Sprintf("allow: %s", d.Rule)
	}
	return fmt.Sprintf("block: %s", d.Rule)
}

// Decide judges q.
func (p *Policy) Decide(q Query) Decision {
	d, _ := p.rules.Load().decide(&q, p.options)
	return d
}
