package acl

// The shortest prefixes that know clients: a shorter one, and a list that adds up
// to one, is about everybody.
const (
	leastBits4 = 8
	leastBits6 = 16
)

// KnowsClients tells whether the rules say which clients get somewhere without a
// login, and that nobody else does: default_policy is block, a rule allows
// everyone, and each that does has sources, none of which is wider than an IPv4 /8
// or an IPv6 /16. A server that asks for no login is no open proxy then.
func (p *Policy) KnowsClients() bool { return p.rules.Load().knowsClients() }

func (r *Rules) knowsClients() bool {
	some := false
	r.subject("*", func(t *table) { some = some || len(t.allows) > 0 })
	return some && r.closed()
}

// closed tells whether who is nobody in particular, from wherever, gets nowhere.
func (r *Rules) closed() bool {
	closed := !r.allowed
	r.subject("*", func(t *table) { closed = closed && !t.open })
	return closed
}

// knowsClients tells whether r is about clients of some addresses only.
func (r *rule) knowsClients() bool {
	for _, p := range r.sources {
		least := leastBits6
		if p.Addr().Is4() {
			least = leastBits4
		}
		if p.Bits() < least {
			return false
		}
	}
	return r.sources != nil
}
