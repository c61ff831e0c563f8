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
	best    *rule
}

// decide judges q, and returns the rule that decided, if one did. See
// docs/acl.md.
func (r *Rules) decide(q *Query, o Options) (Decision, *rule) {
	s := search{Query: *q}
	s.host.set(q.Host, q.Addr.Addr(), r.profile)
	if s.host.wrong != "" {
		return Decision{false, s.host.wrong}, nil
	}
	s.nowhere = s.Stage == server.StageRequest && (s.Command == "udp" ||
		s.Command == "bind" && s.host.len == 0 && s.host.addr.IsUnspecified())
	if !s.nowhere {
		s.special = r.specialOf(s.host.addr, o.AllowPrivate)
	}
	r.each(q, s.in)
	if s.best != nil && (s.best.block || q.Stage != server.StageAnswer) {
		return Decision{!s.best.block, s.best.name}, s.best
	}
	return r.otherwise(&s, o), nil
}

// otherwise decides where no rule does.
func (r *Rules) otherwise(s *search, o Options) Decision {
	follows := s.nowhere && (s.Command == "udp" || !o.Unresolved) // datagrams, and peers where they are seen
	switch {
	case s.Stage == server.StageAnswer, follows && (r.allowed || r.hope(s)):
		return Decision{true, "judged by what follows"}
	case s.special != nil:
		return Decision{false, s.special.what}
	case !r.allowed && !s.nowhere && !s.host.addr.IsValid() && !o.Unresolved && r.hope(s):
		return Decision{true, "judged by the address"}
	}
	return Decision{r.allowed, "default_policy"}
}

// each calls do with the tables of the user, the user's groups, and everyone.
func (r *Rules) each(q *Query, do func(*table)) {
	if q.User != "" {
		r.subject(q.User, do)
	}
	for _, g := range q.Groups {
		if t := r.groups[g]; t != nil {
			do(t)
		}
	}
	r.subject("*", do)
}

// subject calls do with the tables of a user and of the groups that the file puts
// it in.
func (r *Rules) subject(user string, do func(*table)) {
	if t := r.users[user]; t != nil {
		do(t)
	}
	for _, g := range r.memberOf[user] {
		if t := r.groups[g]; t != nil {
			do(t)
		}
	}
}

// hope tells whether a rule could allow what is yet to come: the address of a
// name, or what an association or listener will be asked for.
func (r *Rules) hope(s *search) bool {
	found := false
	r.each(&s.Query, func(t *table) {
		rules := t.byAddress
		if s.nowhere {
			rules = t.allows
		}
		for _, one := range rules {
			found = found || (s.nowhere || s.matchesPort(one)) && s.matchesCommand(one) && s.matchesSource(one)
		}
	})
	return found
}

// in looks through one table.
func (s *search) in(t *table) {
	s.consider(t.anywhere)
	if s.nowhere {
		return
	}
	if s.host.len > 0 {
		s.byName(t)
	}
	bits := t.bits6
	if s.host.addr.Is4() {
		bits = t.bits4
	}
	for _, n := range bits {
		if p, err := s.host.addr.Prefix(n); err == nil && p.IsValid() {
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
	return s.matchesPort(e.rule) && s.matchesCommand(e.rule) && s.matchesSource(e.rule)
}

// matchesPort leaves the port of a BIND peer, which is any, to rules that block;
// without a destination a rule must be about all ports.
func (s *search) matchesPort(r *rule) bool {
	if len(r.ports) == 0 || s.Stage == server.StagePeer && !r.block {
		return true
	}
	for _, p := range r.ports {
		if s.nowhere && p == (portRange{0, 65535}) || !s.nowhere && p.first <= s.Port() && s.Port() <= p.last {
			return true
		}
	}
	return false
}

func (s *search) matchesCommand(r *rule) bool {
	return (r.protocols == nil || slices.Contains(r.protocols, protocolOf(s.Command))) &&
		(r.commands == nil || slices.Contains(r.commands, command{s.Command}))
}

func (s *search) matchesSource(r *rule) bool {
	for _, p := range r.sources {
		if p.Contains(s.Source) {
			return true
		}
	}
	return r.sources == nil
}
