package acl

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/idna"
)

// Rules is a rule file, compiled. It does not change.
type Rules struct {
	allowed   bool // by default
	addresses bool // among the destinations
	specials  []special
	profile   *idna.Profile
	users     map[string]*table // "*" is everyone
	groups    map[string]*table
	memberOf  map[string][]string // by user, in the file
}

// rule is one of the file.
type rule struct {
	name      string
	block     bool
	priority  int
	order     int // in the file
	ports     ports
	protocols []protocol
	commands  []command
	sources   []prefix
}

// entry is one destination of a rule.
type entry struct {
	*rule
	prefix netip.Prefix
	exact  bool
	labels []string
}

// table finds the entries of one user or group by destination.
type table struct {
	anywhere []entry
	exact    map[string][]entry
	below    map[string][]entry
	wild     map[string][]entry // by the labels after the last with a star
	prefixes map[netip.Prefix][]entry
	bits4    []int // that prefixes have
	bits6    []int
}

// Parse compiles the text of a rule file. Errors name path, the line and the
// key.
func Parse(path string, text []byte) (*Rules, error) {
	f, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r := &Rules{
		allowed: f.Global.Default.word == "allow", specials: specials(), profile: newProfile(),
		users: make(map[string]*table), groups: make(map[string]*table), memberOf: make(map[string][]string),
	}
	order := 0
	for i := range f.Groups {
		if err := r.add(r.groups, "group", "groups", &f.Groups[i], &order); err != nil {
			return nil, fmt.Errorf("%s: %w", path, r.at(text, "groups", i, err))
		}
	}
	for i := range f.Users {
		u := &f.Users[i]
		if err := r.add(r.users, "user", "users", u, &order); err != nil {
			return nil, fmt.Errorf("%s: %w", path, r.at(text, "users", i, err))
		}
		r.memberOf[u.Name] = u.Groups
	}
	return r, nil
}

// at names the line on which the i-th table of an array begins.
func (r *Rules) at(text []byte, array string, i int, err error) error {
	line := 0
	for s := range strings.Lines(string(text)) {
		line++
		if strings.HasPrefix(strings.ReplaceAll(s, " ", ""), "[["+array+"]]") {
			if i--; i < 0 {
				return fmt.Errorf("line %d: %w", line, err)
			}
		}
	}
	return err
}

// add compiles the rules of a user or group.
func (r *Rules) add(to map[string]*table, kind, key string, s *subject, order *int) error {
	switch {
	case s.Name == "":
		return fmt.Errorf("%s.name: is missing", key)
	case to[s.Name] != nil:
		return fmt.Errorf("%s.name: %q is there twice", key, s.Name)
	case kind == "group" && s.Groups != nil:
		return fmt.Errorf("%s.groups: a group is in no groups", key)
	}
	t := &table{
		exact: make(map[string][]entry), below: make(map[string][]entry), wild: make(map[string][]entry),
		prefixes: make(map[netip.Prefix][]entry),
	}
	to[s.Name] = t
	for i := range s.Rules {
		f := &s.Rules[i]
		name := fmt.Sprintf("%s %s, rule %d", kind, s.Name, i+1)
		if f.Action.word == "" {
			return fmt.Errorf("%s.rules.action: is missing in rule %d of %s", key, i+1, s.Name)
		}
		if f.Description != "" {
			name += ": " + f.Description
		}
		*order++
		one := &rule{
			name: name, block: f.Action.word == "block", priority: f.Priority, order: *order,
			ports: f.Ports, protocols: f.Protocols, commands: f.Commands, sources: f.Sources,
		}
		if len(f.Destinations) == 0 {
			f.Destinations = []destination{{any: true}}
		}
		for _, d := range f.Destinations {
			t.put(one, d)
			r.addresses = r.addresses || d.prefix.IsValid()
		}
	}
	t.sort()
	return nil
}

// put files one destination of a rule.
func (t *table) put(r *rule, d destination) {
	e := entry{rule: r, prefix: d.prefix, exact: d.exact != "", labels: d.labels}
	switch {
	case d.any:
		t.anywhere = append(t.anywhere, e)
	case d.prefix.IsValid():
		t.prefixes[d.prefix] = append(t.prefixes[d.prefix], e)
		bits := &t.bits6
		if d.prefix.Addr().Is4() {
			bits = &t.bits4
		}
		if !slices.Contains(*bits, d.prefix.Bits()) {
			*bits = append(*bits, d.prefix.Bits())
		}
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

// sort puts the entries of each destination into the order of precedence.
func (t *table) sort() {
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

// compare is negative when r goes before other: block before allow, then the
// higher priority, then the place in the file.
func (r *rule) compare(other *rule) int {
	switch {
	case r.block && !other.block:
		return -1
	case !r.block && other.block:
		return 1
	}
	return cmp.Or(cmp.Compare(other.priority, r.priority), cmp.Compare(r.order, other.order))
}
