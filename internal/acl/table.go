package acl

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// entry is one destination of a rule.
type entry struct {
	*rule
	prefix netip.Prefix
	exact  bool
	labels []string
}

// table is what a user or group says; it finds entries by destination.
type table struct {
	anywhere []entry
	exact    map[string][]entry
	below    map[string][]entry
	wild     map[string][]entry // by the labels after the last with a star
	prefixes map[netip.Prefix][]entry
	bits4    []int // that prefixes have
	bits6    []int

	allows    []*rule // rules that allow, one of those that differ in destinations alone
	byAddress []*rule // of those with an address or CIDR
	open      bool    // a rule allows clients from anywhere
	limits    limits

	seen map[string]bool // keys of what is in allows and byAddress, until finish
}

func newTable(l limits) *table {
	return &table{
		exact: make(map[string][]entry), below: make(map[string][]entry), wild: make(map[string][]entry),
		prefixes: make(map[netip.Prefix][]entry), limits: l, seen: make(map[string]bool),
	}
}

// put files one destination of a rule.
func (t *table) put(r *rule, d destination) {
	t.know(r, d)
	e := entry{rule: r, prefix: d.prefix, exact: d.exact != "", labels: d.labels}
	switch {
	case d.any:
		t.anywhere = append(t.anywhere, e)
	case d.prefix.IsValid():
		t.putPrefix(e)
	case d.exact != "":
		t.exact[d.exact] = append(t.exact[d.exact], e)
	case d.below != "":
		t.below[d.below] = append(t.below[d.below], e)
	case d.at != "":
		// The name itself is no exact name: it came from a wildcard.
		t.exact[d.at] = append(t.exact[d.at], e)
		t.below[d.at] = append(t.below[d.at], e)
	default:
		last := len(d.labels) - 1
		for ; last > 0 && !strings.Contains(d.labels[last], "*"); last-- {
		}
		after := strings.Join(d.labels[last+1:], ".")
		t.wild[after] = append(t.wild[after], e)
	}
}

func (t *table) putPrefix(e entry) {
	t.prefixes[e.prefix] = append(t.prefixes[e.prefix], e)
	bits := &t.bits6
	if e.prefix.Addr().Is4() {
		bits = &t.bits4
	}
	if !slices.Contains(*bits, e.prefix.Bits()) {
		*bits = append(*bits, e.prefix.Bits())
	}
}

// know keeps what rules that allow ask for beside the destination, once each.
func (t *table) know(r *rule, d destination) {
	if r.block {
		return
	}
	t.open = t.open || !r.knowsClients()
	key := fmt.Sprint(r.ports, r.protocols, r.commands, r.sources)
	if !t.seen[key] {
		t.seen[key] = true
		t.allows = append(t.allows, r)
	}
	if key += " address"; d.prefix.IsValid() && !t.seen[key] {
		t.seen[key] = true
		t.byAddress = append(t.byAddress, r)
	}
}

// finish puts the entries of each destination into the order of precedence.
func (t *table) finish() {
	t.seen = nil
	slices.SortStableFunc(t.anywhere, precedence)
	for _, m := range []map[string][]entry{t.exact, t.below, t.wild} {
		for _, entries := range m {
			slices.SortStableFunc(entries, precedence)
		}
	}
	for _, entries := range t.prefixes {
		slices.SortStableFunc(entries, precedence)
	}
}

func precedence(a, b entry) int { return a.compare(b.rule) }
