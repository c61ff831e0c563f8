package acl

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/net/idna"
)

// Rules is a rule file, compiled. It does not change.
type Rules struct {
	sum       [sha256.Size]byte // of the file
	allowed   bool              // by default
	addresses bool              // among the destinations
	specials  []special
	profile   *idna.Profile
	users     map[string]*table // "*" is everyone
	groups    map[string]*table
	memberOf  map[string][]string // by user, in the file
}

// rule is one of the file.
type rule struct {
	place     string // in the file: "group staff, rule 2"
	name      string // place and description
	block     bool
	priority  int
	order     int // in the file
	ports     ports
	protocols []protocol
	commands  []command
	sources   []source
	limits    limits
}

// Parse compiles the text of a rule file. Errors name path, the line and the
// key.
func Parse(path string, text []byte) (*Rules, error) {
	f, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r := &Rules{
		sum: sha256.Sum256(text), allowed: f.Global.Default.word == "allow", specials: specials(), profile: newProfile(),
		users: make(map[string]*table), groups: make(map[string]*table), memberOf: make(map[string][]string),
	}
	order := 0
	for _, p := range f.subjects(text) {
		err := r.add(p, &order)
		if err != nil && p.line > 0 {
			err = fmt.Errorf("line %d: %w", p.line, err)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return r, nil
}

// add compiles what a user or group says; order counts the rules of the file.
func (r *Rules) add(s placed, order *int) error {
	to, kind := r.users, s.kind
	if kind == "group" {
		to = r.groups
	}
	if err := s.check(kind); err != nil {
		return fmt.Errorf("%ss.%w", kind, err)
	}
	if to[s.name()] != nil {
		return fmt.Errorf("%ss.name: %q is there twice", kind, s.name())
	}
	if kind == "user" {
		r.memberOf[s.name()] = s.Groups
	}
	t := newTable(s.Limits)
	to[s.name()] = t
	for i := range s.Rules {
		f := &s.Rules[i]
		if err := f.check(); err != nil {
			return fmt.Errorf("%ss.rules.%w in rule %d of %s", kind, err, i+1, s.name())
		}
		*order++
		one := f.compile(fmt.Sprintf("%s %s, rule %d", kind, s.name(), i+1), *order)
		if f.Destinations == nil {
			f.Destinations = []destination{{any: true}}
		}
		for _, d := range f.Destinations {
			t.put(one, d)
			r.addresses = r.addresses || d.prefix.IsValid()
		}
	}
	t.finish()
	return nil
}

// check tells what is wrong with s, its rules apart. Errors begin with the key.
func (s *subject) check(kind string) error {
	switch {
	case s.name() == "":
		return errors.New("name: is missing")
	case s.Name != "" && s.Username != "":
		return errors.New("username: is there beside name")
	case kind == "group" && s.Username != "":
		return errors.New("username: a group has a name")
	case kind == "group" && s.Groups != nil:
		return errors.New("groups: a group is in no groups")
	}
	return nil
}

// check tells what f, whose values are in order, lacks or contradicts.
func (f *fileRule) check() error {
	for _, list := range []struct {
		key   string
		there bool
		items int
	}{
		{"destinations", f.Destinations != nil, len(f.Destinations)},
		{"ports", f.Ports != nil, len(f.Ports)},
		{"protocols", f.Protocols != nil, len(f.Protocols)},
		{"commands", f.Commands != nil, len(f.Commands)},
		{"sources", f.Sources != nil, len(f.Sources)},
	} {
		if list.there && list.items == 0 {
			return fmt.Errorf("%s: is empty, and means all when it is left out,", list.key)
		}
	}
	switch {
	case f.Action.word == "":
		return errors.New("action: is missing")
	case !f.possible():
		return errors.New("protocols: are of none of the commands")
	case f.Action.word == "block" && f.Limits != (limits{}):
		return errors.New("limits: are nothing for who is blocked")
	}
	return nil
}

// possible tells whether one of the commands has one of the protocols.
func (f *fileRule) possible() bool {
	if f.Commands == nil || f.Protocols == nil {
		return true
	}
	return slices.ContainsFunc(f.Commands, func(c command) bool {
		return slices.Contains(f.Protocols, protocolOf(c.word))
	})
}

// compile returns the rule that f is at a place in the file.
func (f *fileRule) compile(place string, order int) *rule {
	name := place
	if f.Description != "" {
		name += ": " + f.Description
	}
	return &rule{
		place: place, name: name, block: f.Action.word == "block", priority: f.Priority, order: order,
		ports: f.Ports, protocols: f.Protocols, commands: f.Commands, sources: f.Sources, limits: f.Limits,
	}
}

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
