package acl

import (
	"net/netip"

	"github.com/socksctl/socksctl/server"
)

var _ server.Quotas = (*Policy)(nil)

// Quotas returns what s is held to: the limits of its user, and those of the rule
// that lets it through. Of the user each limit is the first that is said by the
// user itself, a group of it in their order, everyone, and user.
func (p *Policy) Quotas(s *server.Session, user server.Quota) []server.Quota {
	rules := p.rules.Load()
	q := question(s, standing(s))
	quotas := []server.Quota{rules.limitsOf(&q).over(user)}
	// A session keeps the name of its rule alone, so the rule is found as it was
	// when it decided.
	if _, by := rules.decide(&q, p.options); by != nil && by.limits != (limits{}) {
		quotas = append(quotas, by.limits.over(server.Quota{Name: user.Name + ", " + by.place}))
	}
	return quotas
}

// limitsOf returns what the file says of the user of q.
func (r *Rules) limitsOf(q *Query) limits {
	var l limits
	r.each(q, func(t *table) { l.fill(t.limits) })
	return l
}

// question asks about t for s.
func question(s *server.Session, t server.Target) Query {
	return Query{
		User: s.Identity.User, Groups: s.Identity.Groups, Source: sourceOf(s.Client),
		Command: s.Command, Target: t,
	}
}

// standing returns what s has asked for, with the address that came of it. The
// address of a UDP request is a hint, and not asked about.
func standing(s *server.Session) server.Target {
	t := server.Target{Stage: server.StageRequest}
	if s.Command == "udp" {
		return t
	}
	ip, err := netip.ParseAddr(s.Host)
	if err != nil {
		t.Host = s.Host
	}
	t.Addr = netip.AddrPortFrom(ip, s.Port)
	if resolved := s.Resolved(); resolved.IsValid() {
		t.Stage, t.Addr = server.StageDial, resolved
		if s.Command == "bind" {
			t.Stage = server.StagePeer
		}
	}
	return t
}
