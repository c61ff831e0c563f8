package acl

import (
	"fmt"
	"net/netip"
	"strconv"
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
	Name   string     `toml:"name"` // of a user, "*" for everyone
	Groups []string   `toml:"groups"`
	Rules  []fileRule `toml:"rules"`
}

type fileRule struct {
	Action       action        `toml:"action"`
	Description  string        `toml:"description"`
	Destinations []destination `toml:"destinations"`
	Ports        ports         `toml:"ports"`
	Protocols    []protocol    `toml:"protocols"`
	Commands     []command     `toml:"commands"`
	Sources      []prefix      `toml:"sources"`
	Priority     int           `toml:"priority"`
}

type action struct{ word string }

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *action) UnmarshalText(b []byte) error { return choose(&a.word, b, "allow", "block") }

type protocol struct{ word string }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *protocol) UnmarshalText(b []byte) error { return choose(&p.word, b, "tcp", "udp") }

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

type prefix struct{ netip.Prefix }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *prefix) UnmarshalText(b []byte) (err error) {
	p.Prefix, err = parsePrefix(string(b))
	return err
}

// parsePrefix reads a CIDR, or an address as one of all its bits.
func parsePrefix(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		addr, ok := parseLiteral(strings.TrimSuffix(s, "."))
		if !ok || addr.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%q is not an address or CIDR", s)
		}
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fmt.Errorf("%q is not a CIDR", s)
	}
	if p.Masked() != p {
		return p, fmt.Errorf("%q has bits beyond its mask: write %s", s, p.Masked())
	}
	if embedded := plainAddr(p.Addr()); p.Bits() >= 96 && embedded.Is4() && p.Addr().Is6() {
		p = netip.PrefixFrom(embedded, p.Bits()-96)
	}
	return p, nil
}

// ports is "443", "8000-9000", a list of these with commas, or "*".
type ports []portRange

type portRange struct{ first, last uint16 }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *ports) UnmarshalText(b []byte) error {
	*p = nil
	for s := range strings.SplitSeq(string(b), ",") {
		s = strings.TrimSpace(s)
		if s == "*" {
			s = "0-65535"
		}
		first, last, isRange := strings.Cut(s, "-")
		if !isRange {
			last = first
		}
		low, errLow := strconv.ParseUint(first, 10, 16)
		high, errHigh := strconv.ParseUint(last, 10, 16)
		if errLow != nil || errHigh != nil || low > high {
			return fmt.Errorf(`%q is not ports such as "443", "8000-9000", "80,443" or "*"`, b)
		}
		*p = append(*p, portRange{uint16(low), uint16(high)})
	}
	return nil
}

// decode reads a rule file. Its errors name the line and the key.
func decode(text []byte) (*file, error) {
	f := new(file)
	if err := strict.TOML(text, f); err != nil {
		return nil, err
	}
	return f, nil
}
