package server

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// Quota is what the sessions that share it may take together. A zero is no bound.
type Quota struct {
	Name         string // sessions with quotas of the same name share them: "user alice"
	Conns        int    // admitted sessions at once
	Binds        int    // of them, those of BIND
	Associations int    // of them, those of UDP ASSOCIATE and its private kin
	Bandwidth    int64  // bytes a second, each way
	Datagrams    int    // datagrams a second, each way
	Targets      int    // hosts that one association may have answers from; the oldest is forgotten first; 4096 at most
}

// bounds tells whether q bounds anything.
func (q Quota) bounds() bool {
	q.Name = ""
	return q != Quota{}
}

// Quotas is a [Policy] that also says how much a session may take.
type Quotas interface {
	// Quotas returns what s, whose request is allowed, is held to: all of them at
	// once. user is what holds for its user by [Limits].User, with the Name that
	// the user's sessions share. It is called from many goroutines, again when s
	// has an address (Resolved), and again by Rejudge: what it then returns
	// replaces what was.
	Quotas(s *Session, user Quota) []Quota
}

// ErrQuota is the reason of a session that would take more than its user may.
// It is [ErrDenied], and so REP 02.
var ErrQuota = fmt.Errorf("%w: more than the quota", ErrDenied)

// quotas returns what s is held to, without those that bound nothing.
func (s *Session) quotas() []Quota {
	user := s.server.inForce().User
	policy, ok := s.server.Policy.(Quotas)
	if !ok && !user.bounds() {
		return nil
	}
	user.Name = s.owner()
	if !ok {
		return []Quota{user}
	}
	return slices.DeleteFunc(policy.Quotas(s, user), func(q Quota) bool { return !q.bounds() })
}

// targetsMost returns how many hosts an association of s may know.
func (s *Session) targetsMost() int {
	if s == nil {
		return maxContacts
	}
	if h := s.held.Load(); h != nil {
		if most := h.targets(); most > 0 {
			return min(most, maxContacts)
		}
	}
	return maxContacts
}

// owner returns the name under which s counts: its user's, or its address's where
// it is nobody in particular.
func (s *Session) owner() string {
	if s.Identity.User != "" {
		return "user " + s.Identity.User
	}
	if addr := crowdOf(s.Client); addr.IsValid() {
		return string(addr.AppendTo(append(make([]byte, 0, 64), "client "...)))
	}
	return "client on a unix socket"
}

// crowdOf returns the address that a client counts under: of IPv6 only the half
// that its network is known by, for the other half is its own to choose. It is
// none for a unix socket.
func crowdOf(client net.Addr) netip.Addr {
	addr := addrPort(client).Addr().WithZone("")
	if !addr.Is6() || addr.IsLoopback() {
		return addr
	}
	prefix, err := addr.Prefix(64)
	if err != nil {
		return addr
	}
	return prefix.Addr()
}
