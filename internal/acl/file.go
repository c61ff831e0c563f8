package acl

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/socksctl/socksctl/internal/strict"
)

// file is the rule file. Values are checked as they are read, so that an error
// can name the line.
type file struct {
	Global struct {
		Default action `toml:"default_policy"` // absent: block
	} `toml:"global"`
	Users  []subject `toml:"users"`
	Groups []subject `toml:"groups"`
}

// subject is a user or a group.
type subject struct {
	Name     string     `toml:"name"`     // of a user, "*" for everyone
	Username string     `toml:"username"` // of a user, in the place of Name
	Groups   []string   `toml:"groups"`
	Rules    []fileRule `toml:"rules"`
	Limits   limits     `toml:"limits"`
}

func (s *subject) name() string { return cmp.Or(s.Name, s.Username) }

// placed is a user or group, and where the file begins to tell of it.
type placed struct {
	*subject
	kind string // "user" or "group"
	line int    // 0: not known, in an array that is written inline
}

// subjects returns users and groups in the order of the file, of which text is
// what f was decoded from.
func (f *file) subjects(text []byte) []placed {
	var users, groups, all []placed
	for i := range f.Users {
		users = append(users, placed{subject: &f.Users[i], kind: "user"})
	}
	for i := range f.Groups {
		groups = append(groups, placed{subject: &f.Groups[i], kind: "group"})
	}
	line := 0
	for s := range strings.Lines(string(text)) {
		line++
		from := &users
		switch head := strings.Join(strings.Fields(s), ""); {
		case strings.HasPrefix(head, "[[groups]]"):
			from = &groups
		case !strings.HasPrefix(head, "[[users]]"):
			continue
		}
		if len(*from) > 0 {
			(*from)[0].line = line
			all = append(all, (*from)[0])
			*from = (*from)[1:]
		}
	}
	return slices.Concat(all, groups, users)
}

type fileRule struct {
	Action       action        `toml:"action"`
	Description  string        `toml:"description"`
	Destinations []destination `toml:"destinations"`
	Ports        ports         `toml:"ports"`
	Protocols    []protocol    `toml:"protocols"`
	Commands     []command     `toml:"commands"`
	Sources      []source      `toml:"sources"`
	Priority     int           `toml:"priority"`
	Limits       limits        `toml:"limits"`
}

type action struct{ word string }

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *action) UnmarshalText(b []byte) error { return choose(&a.word, b, "allow", "block") }

type protocol struct{ word string }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *protocol) UnmarshalText(b []byte) error { return choose(&p.word, b, "tcp", "udp") }

// protocolOf returns the protocol of a command.
func protocolOf(command string) protocol {
	if command == "udp" {
		return protocol{"udp"}
	}
	return protocol{"tcp"}
}

type command struct{ word string }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *command) UnmarshalText(b []byte) error { return choose(&c.word, b, "connect", "bind", "udp") }

func choose(to *string, b []byte, choices ...string) error {
	for _, c := range choices {
		if c == string(b) {
			*to = c
			return nil
		}
	}
	return fmt.Errorf("%q is not one of %s", b, strings.Join(choices, ", "))
}

// decode reads a rule file. Its errors name the line and the key.
func decode(text []byte) (*file, error) {
	f := new(file)
	if err := strict.TOML(text, f); err != nil {
		return nil, err
	}
	return f, nil
}
