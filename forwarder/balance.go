package forwarder

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Balance says which of several servers of the same priority a request goes to,
// of those that are up.
type Balance uint8

// The ways to choose a server.
const (
	// Failover takes the first in their order. Those that have a Weight share
	// the place of the first: one is drawn for each request, by chance in
	// proportion (RFC 2782).
	Failover Balance = iota
	// RoundRobin takes each in turn, one with a Weight as often as that says.
	RoundRobin
	// Latency takes the one that is reached quickest, and another only when that
	// is quicker by a margin. Weights do not count.
	Latency
)

// String returns b as the command line has it.
func (b Balance) String() string {
	switch b {
	case Failover:
		return "failover"
	case RoundRobin:
		return "round-robin"
	case Latency:
		return "latency"
	}
	return fmt.Sprintf("balance %d", uint8(b))
}

// ParseBalance is the inverse of [Balance.String].
func ParseBalance(s string) (Balance, error) {
	for b := Failover; b <= Latency; b++ {
		if s == b.String() {
			return b, nil
		}
	}
	return Failover, fmt.Errorf("balance %q is none of failover, round-robin, latency", s)
}

// order returns the servers in the order in which one request is to try them,
// and how many of them, at the front, are up.
func (s *Servers) order() (all []*member, up int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sorted := slices.Clone(s.members)
	slices.SortStableFunc(sorted, func(a, b *member) int { return cmp.Compare(a.priority, b.priority) })
	var down []*member
	now := time.Now()
	for _, m := range sorted {
		if m.failures == 0 || s.running == 0 && !now.Before(m.until) {
			all = append(all, m)
		} else {
			down = append(down, m)
		}
	}
	up = len(all)
	first := 0
	for first < up && all[first].priority == all[0].priority {
		first++
	}
	s.arrange(all[:first])
	return append(all, down...), up
}

// arrange puts the servers of one priority, all up, in the order to try them.
func (s *Servers) arrange(group []*member) {
	if len(group) < 2 {
		return
	}
	switch s.Balance {
	case Failover:
		draw(group, rand.IntN)
	case RoundRobin:
		toFront(group, inTurn(group))
	case Latency:
		s.leader = quickest(group, s.leader)
		toFront(group, s.leader)
	}
}

// draw shuffles the members that have a weight, and puts them before the others:
// each place goes to one of those left, with a chance in proportion.
func draw(group []*member, intN func(int) int) {
	slices.SortStableFunc(group, func(a, b *member) int { return cmp.Compare(min(b.weight, 1), min(a.weight, 1)) })
	total := 0
	for _, m := range group {
		total += m.weight
	}
	for i := 0; total > 0; i++ {
		ticket := intN(total)
		at := i
		for ticket >= group[at].weight {
			ticket -= group[at].weight
			at++
		}
		total -= group[at].weight
		toFront(group[i:], group[at])
	}
}

// inTurn returns whose turn it is. Each gains what its weight says with every
// turn, and who has it pays for all, so that the turns of a heavy one are spread.
func inTurn(group []*member) *member {
	best, total := group[0], 0
	for _, m := range group {
		weight := max(m.weight, 1)
		total += weight
		m.credit += weight
		if m.credit > best.credit {
			best = m
		}
	}
	best.credit -= total
	return best
}

// quickest returns the member with the least latency, or leader if that is hardly
// slower: small differences change all the time.
func quickest(group []*member, leader *member) *member {
	best := slices.MinFunc(group, func(a, b *member) int { return cmp.Compare(a.distance(), b.distance()) })
	if !slices.Contains(group, leader) || leader.latency == 0 {
		return best
	}
	margin := max(leader.latency/4, 2*time.Millisecond)
	if best.distance() < leader.latency-margin {
		return best
	}
	return leader
}

// distance is the latency of m, and very long while that is unknown.
func (m *member) distance() time.Duration {
	if m.latency == 0 {
		return time.Hour
	}
	return m.latency
}

// toFront moves m to the front of group, and leaves the others in their order.
func toFront(group []*member, m *member) {
	at := slices.Index(group, m)
	copy(group[1:at+1], group[:at])
	group[0] = m
}
