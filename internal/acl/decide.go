package acl

import (
	"slices"

	"github.com/socksctl/socksctl/server"
)

// search is one decision under way.
type search struct {
	Query
	host    host
	special *special
	nowhere bool // no destination yet: an association, or a peer that is not known
	open    bool // the address is yet to come, and a rule for one may allow it
	best    *rule
}

// decide judges q. See docs/acl.md.
func (r *Rules) decide(q *Query, o Options) Decision {
	s := search{Query: *q}
	s.host.set(q.Host, q.Addr.Addr(), r.profile)
	if s.host.long { // no DNS name is
		return Decision{false, "name too long"}
	}
	s.nowhere = s.Stage == server.StageRequest && (s.Command == "udp" ||
		s.Command == "bind" && s.host.len == 0 && s.host.addr.IsUnspecified())
	if !s.nowhere {
		s.special = r.specialOf(s.host.addr, o.AllowPrivate)
	}
	r.search(&s)
	switch {
	case s.best != nil && (s.best.block || q.Stage != server.StageAnswer):
		return Decision{!s.best.block, s.best.name}
	case q.Stage == server.StageAnswer, s.nowhere:
		return Decision{true, "judged by what follows"}
	case s.special != nil:
		return Decision{false, s.special.what}
	case !r.allowed && s.open && !o.Unresolved:
		return Decision{true, "judged by the address"}
	}
	return Decision{r.allowed, "default_policy"}
}

// search looks through the rules of everyone, the user and the groups.
func (r *Rules) search(s *search) {
	s.in(r.users["*"])
	for _, g := range r.memberOf["*"] {
		s.in(r.groups[g])
	}
	if s.User != "" && s.User != "*" {
		s.in(r.users[s.User])
		for _, g := range r.memberOf[s.User] {
			s.in(r.groups[g])
		}
	}
	for _, g := range s.Groups {
		s.in(r.groups[g])
	}
}

// in looks through one table.
func (s *search) in(t *table) {
	if t == nil {
		return
	}
	s.consider(t.anywhere)
	if s.nowhere {
		return
	}
	if s.host.len > 0 {
		s.byName(t)
	}
	if !s.host.addr.IsValid() {
		s.open = s.open || len(t.prefixes) > 0
		return
	}
	bits := t.bits6
	if s.host.addr.Is4() {
		bits = t.bits4
	}
	for _, n := range bits {
		if p, err := s.host.addr.Prefix(n); err == nil {
			s.consider(t.prefixes[p])
		}
	}
}

// byName looks for the name, and for each name above it.
func (s *search) byName(t *table) {
	name := s.host.name()
	s.consider(t.exact[string(name)])
	for i, c := range name {
		if c == '.' {
			s.consider(t.below[string(name[i+1:])])
			s.consider(t.wild[string(name[i+1:])])
		}
	}
	s.consider(t.wild[""])
}

// consider takes the first entry that matches, if it goes before the best.
func (s *search) consider(entries []entry) {
	for i := range entries {
		e := &entries[i]
		if s.best != nil && e.compare(s.best) >= 0 {
			return
		}
		if s.matches(e) {
			s.best = e.rule
			return
		}
	}
}

// matches tells whether e is about what is asked, the destination apart.
func (s *search) matches(e *entry) bool {
	if !e.block && s.special != nil && !s.special.named(e) {
		return false
	}
	if e.labels != nil && !matchLabels(e.labels, s.host.name()) {
		return false
	}
	return s.matchesPort(e) && s.matchesCommand(e) && s.matchesSource(e)
}

// matchesPort leaves the port of a BIND peer, which is any, to rules that block;
// without a destination a rule must be about all ports.
func (s *search) matchesPort(e *entry) bool {
	if len(e.ports) == 0 || s.Stage == server.StagePeer && !e.block {
		return true
	}
	for _, p := range e.ports {
		if s.nowhere && p == (portRange{0, 65535}) || !s.nowhere && p.first <= s.Port() && s.Port() <= p.last {
			return true
		}
	}
	return false
}

func (s *search) matchesCommand(e *entry) bool {
	proto := protocol{"tcp"}
	if s.Command == "udp" {
		proto.word = "udp"
	}
	return (e.protocols == nil || slices.Contains(e.protocols, proto)) &&
		(e.commands == nil || slices.Contains(e.commands, command{s.Command}))
}

func (s *search) matchesSource(e *entry) bool {
	for _, p := range e.sources {
		if p.Contains(s.Source) {
			return true
		}
	}
	return e.sources == nil
}
