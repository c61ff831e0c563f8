package acl

import (
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

// destination is one entry of a rule's list; exactly one of its fields is set.
type destination struct {
	any    bool         // "*" and "**"
	prefix netip.Prefix // an address or CIDR
	exact  string       // a name
	below  string       // "*.suffix": what is below
	at     string       // "**.suffix": it, and what is below
	labels []string     // with a "*" in some
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *destination) UnmarshalText(b []byte) error {
	s := string(b)
	if s == "*" || s == "**" {
		d.any = true
		return nil
	}
	if _, ok := parseLiteral(strings.TrimSuffix(s, ".")); ok || strings.ContainsAny(s, "/:") {
		p, err := parsePrefix(s)
		d.prefix = p
		return err
	}
	name, err := plainName(s)
	if err != nil {
		return err
	}
	if rest, ok := strings.CutPrefix(name, "**."); ok {
		d.at = rest
	} else if rest, ok := strings.CutPrefix(name, "*."); ok {
		d.below = rest
	} else {
		d.exact = name
	}
	if strings.Contains(d.exact, "*") {
		d.labels, d.exact = strings.Split(d.exact, "."), ""
	}
	if strings.Contains(d.below+d.at, "*") || strings.Contains(name[1:], "**") {
		return fmt.Errorf("%q has a wildcard where none can be", s)
	}
	return nil
}

// plainName returns a name of the file as the names of requests are compared.
func plainName(s string) (string, error) {
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	if !isASCII(name) {
		ascii, err := newProfile().ToASCII(name)
		if err != nil {
			return "", fmt.Errorf("%q is not a name: %w", s, err)
		}
		name = strings.TrimSuffix(ascii, ".")
	}
	if name == "" || len(name) > 253 || strings.ContainsAny(name, " \t\r\n%[]@\\") || strings.Contains("."+name+".", "..") {
		return "", fmt.Errorf("%q is not an address, a CIDR, a name or a name with wildcards", s)
	}
	return name, nil
}

func newProfile() *idna.Profile {
	return idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false))
}

// matchLabels tells whether name has the labels of a pattern.
func matchLabels(labels []string, name []byte) bool {
	for i, pattern := range labels {
		end := len(name)
		if i < len(labels)-1 {
			for end = 0; end < len(name) && name[end] != '.'; end++ {
			}
			if end == len(name) {
				return false
			}
		}
		if !matchLabel(pattern, name[:end]) {
			return false
		}
		name = name[min(end+1, len(name)):]
	}
	return true
}

// matchLabel matches one label, going back to the last star only, which is
// enough and keeps the time within the product of the lengths.
func matchLabel(pattern string, label []byte) bool {
	p, star, from := 0, -1, 0
	for i := 0; i < len(label); {
		switch {
		case label[i] == '.':
			return false
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && pattern[p] == label[i]:
			p++
			i++
		case star >= 0:
			from++
			p, i = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
