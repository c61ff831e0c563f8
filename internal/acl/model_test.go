package acl_test

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/socksctl/socksctl/internal/acl"
	"github.com/socksctl/socksctl/server"
)

// modelRules is a rule file as docs/acl.md tells of it: a list, in the file's
// order, that is looked through from the first rule to the last.
type modelRules struct {
	allowed  bool
	rules    []modelRule
	memberOf map[string][]string
}

type modelRule struct {
	place        string // "user alice, rule 1"
	subject      string // "user alice"
	block        bool
	priority     int
	destinations []string // nil is all, here and below
	ports        [][2]uint16
	protocols    []string
	commands     []string
	sources      []string
}

// modelQuery is a question whose host is in the one spelling that the model
// knows: a name in lower case, an address, or both.
type modelQuery struct {
	acl.Query
	name string
	addr netip.Addr
}

// decide is acl.Policy.Decide by the book.
func (m *modelRules) decide(q modelQuery, o acl.Options) string {
	nowhere := q.Stage == server.StageRequest && (q.Command == "udp" || q.Command == "bind" && q.name == "" && q.addr.IsUnspecified())
	kind, within := modelKind(q.addr)
	if nowhere || o.AllowPrivate && kind != "metadata address" && kind != "tunnel address" {
		kind = ""
	}
	var best *modelRule
	hope := false
	for i := range m.rules {
		r := &m.rules[i]
		if !m.concerns(r, q) || !r.fits(q) {
			continue
		}
		if !r.block && (nowhere || q.addr == netip.Addr{} && r.fitsPort(q) && slices.ContainsFunc(r.destinations, isPrefix)) {
			hope = true
		}
		if nowhere && (r.destinations != nil && !slices.Contains(r.destinations, "*") || r.ports != nil && !slices.Contains(r.ports, [2]uint16{0, 65535})) {
			continue
		}
		if !nowhere && !r.fitsPort(q) || !r.leads(q, kind, within, nowhere) {
			continue
		}
		if best == nil || r.before(best) {
			best = r
		}
	}
	switch {
	case best != nil && best.block:
		return "block: " + best.place
	case q.Stage == server.StageAnswer:
		return "allow: judged by what follows"
	case best != nil:
		return "allow: " + best.place
	case nowhere && (q.Command == "udp" || !o.Unresolved) && (m.allowed || hope):
		return "allow: judged by what follows"
	case kind != "":
		return "block: " + kind
	case !nowhere && hope && !m.allowed && !o.Unresolved:
		return "allow: judged by the address"
	case m.allowed:
		return "allow: default_policy"
	}
	return "block: default_policy"
}

// concerns tells whether r is of everyone, the user, or one of their groups.
func (m *modelRules) concerns(r *modelRule, q modelQuery) bool {
	subjects := []string{"user *"}
	groups := slices.Concat(q.Groups, m.memberOf["*"])
	if q.User != "" {
		subjects = append(subjects, "user "+q.User)
		groups = append(groups, m.memberOf[q.User]...)
	}
	for _, g := range groups {
		subjects = append(subjects, "group "+g)
	}
	return slices.Contains(subjects, r.subject)
}

// fits tells whether r is about what is asked, but for port and destination.
func (r *modelRule) fits(q modelQuery) bool {
	protocol := "tcp"
	if q.Command == "udp" {
		protocol = "udp"
	}
	return (r.protocols == nil || slices.Contains(r.protocols, protocol)) &&
		(r.commands == nil || slices.Contains(r.commands, q.Command)) &&
		(r.sources == nil || slices.ContainsFunc(r.sources, func(s string) bool { return netip.MustParsePrefix(s).Contains(q.Source) }))
}

func (r *modelRule) fitsPort(q modelQuery) bool {
	return r.ports == nil || q.Stage == server.StagePeer && !r.block ||
		slices.ContainsFunc(r.ports, func(p [2]uint16) bool { return p[0] <= q.Port() && q.Port() <= p[1] })
}

// leads tells whether a destination of r is that of q, and lets an address of a
// special kind, which is within a range, through.
func (r *modelRule) leads(q modelQuery, kind string, within netip.Prefix, nowhere bool) bool {
	if r.destinations == nil || nowhere {
		return r.block || kind == ""
	}
	return slices.ContainsFunc(r.destinations, func(d string) bool {
		switch {
		case isPrefix(d):
			p := netip.MustParsePrefix(d)
			return p.Contains(q.addr) && (r.block || kind == "" || within.Overlaps(p) && p.Bits() >= within.Bits())
		case !strings.Contains(d, "*"):
			return d == q.name && (r.block || kind != "metadata address")
		}
		return modelWild(d, q.name) && (r.block || kind == "")
	})
}

func isPrefix(d string) bool { return strings.Contains(d, "/") }

// modelWild matches a name, or none, with a pattern.
func modelWild(pattern, name string) bool {
	if pattern == "*" {
		return true
	}
	if rest, ok := strings.CutPrefix(pattern, "**."); ok {
		return name == rest || strings.HasSuffix(name, "."+rest)
	}
	if rest, ok := strings.CutPrefix(pattern, "*."); ok {
		return strings.HasSuffix(name, "."+rest)
	}
	slashed := strings.NewReplacer(".", "/")
	ok, err := path.Match(slashed.Replace(pattern), slashed.Replace(name))
	return ok && err == nil
}

func (r *modelRule) before(other *modelRule) bool {
	if r.block != other.block {
		return r.block
	}
	return r.priority > other.priority
}

// modelKind returns what an address is, and the range that makes it so.
func modelKind(addr netip.Addr) (kind string, within netip.Prefix) {
	for _, line := range []string{
		"metadata address: 169.254.169.254/32 100.100.100.200/32 168.63.129.16/32 fd00:ec2::254/128",
		"loopback address: 127.0.0.0/8 ::1/128",
		"link-local address: 169.254.0.0/16 fe80::/10",
		"private address: 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7 fec0::/10 64:ff9b:1::/48",
		"shared address: 100.64.0.0/10",
		"multicast address: 224.0.0.0/4 ff00::/8",
		"reserved address: 0.0.0.0/8 192.0.0.0/24 240.0.0.0/4 ::/128",
		"tunnel address: 2002::/16 2001::/32",
	} {
		kind, prefixes, _ := strings.Cut(line, ":")
		for _, s := range strings.Fields(prefixes) {
			if p := netip.MustParsePrefix(s); p.Contains(addr) {
				return kind, p
			}
		}
	}
	return "", netip.Prefix{}
}

// String returns the file.
func (m *modelRules) String() string {
	var b strings.Builder
	policy := map[bool]string{true: "allow", false: "block"}
	fmt.Fprintf(&b, "[global]\ndefault_policy = '%s'\n", policy[m.allowed])
	head := ""
	for _, r := range m.rules {
		kind, name, _ := strings.Cut(r.subject, " ")
		if r.subject != head {
			head = r.subject
			fmt.Fprintf(&b, "[[%ss]]\nname = '%s'\n", kind, name)
			if groups := m.memberOf[name]; kind == "user" && groups != nil {
				fmt.Fprintf(&b, "groups = %s\n", quoted(groups))
			}
		}
		fmt.Fprintf(&b, "[[%ss.rules]]\naction = '%s'\npriority = %d\n", kind, policy[!r.block], r.priority)
		for key, list := range map[string][]string{
			"destinations": r.destinations, "protocols": r.protocols, "commands": r.commands, "sources": r.sources, "ports": ranges(r.ports),
		} {
			if list != nil {
				fmt.Fprintf(&b, "%s = %s\n", key, quoted(list))
			}
		}
	}
	return b.String()
}

func ranges(ports [][2]uint16) (all []string) {
	for _, p := range ports {
		all = append(all, fmt.Sprintf("%d-%d", p[0], p[1]))
	}
	return all
}

func quoted(list []string) string { return "['" + strings.Join(list, "', '") + "']" }
