package auth

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Of what a program writes.
const (
	maxOutput = 64 << 10 // on stdout; more is a fault
	maxStderr = 4 << 10  // on stderr; what is beyond it is lost
	maxGroups = 256
)

// capped keeps the first bytes that are written to it.
type capped struct {
	most int
	over func() // called once when there is more than that; nil: nothing is done
	kept []byte
	full bool // there was more
}

// Write implements io.Writer. It never fails: so the writer at the other end of a
// pipe is not stopped by what is lost.
func (c *capped) Write(b []byte) (int, error) {
	n := min(len(b), c.most-len(c.kept))
	c.kept = append(c.kept, b[:n]...)
	if n < len(b) && !c.full {
		c.full = true
		if c.over != nil {
			c.over()
		}
	}
	return len(b), nil
}

// parseGroups reads names of groups, one a line. Blank lines are passed over.
// Errors do not show what was read: it may be anything.
func parseGroups(output []byte) (groups []string, err error) {
	n := 0
	for line := range strings.Lines(string(output)) {
		n++
		name := strings.TrimSpace(line)
		if name == "" {
			continue
		}
		if len(name) > maxField || !utf8.ValidString(name) || strings.ContainsFunc(name, unprintable) {
			return nil, fmt.Errorf("line %d of stdout is no name of a group: want at most %d bytes that print", n, maxField)
		}
		if len(groups) == maxGroups {
			return nil, fmt.Errorf("more than %d groups on stdout", maxGroups)
		}
		groups = append(groups, name)
	}
	return groups, nil
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// said returns the stderr of a program for the log: without the password, should
// it be in there.
func (v verdict) said(password string) string {
	text := string(v.stderr.kept)
	password = strings.TrimSpace(password) // as a shell's read does
	if v.stderr.full {
		text = withoutStart(text, password)
	}
	if password != "" {
		text = strings.ReplaceAll(text, password, "[password]")
	}
	return printable(strings.TrimSpace(text))
}

// withoutStart returns text without the part of a password that it ends with,
// where it was cut off.
func withoutStart(text, password string) string {
	for n := min(len(password), len(text)); n > 0; n-- {
		if short, ok := strings.CutSuffix(text, password[:n]); ok {
			return short
		}
	}
	return text
}

// printable returns s with a mark for each rune that a terminal may obey. Ends of
// lines stay: both handlers of slog escape them.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unprintable(r) && r != '\n' && r != '\t' {
			return utf8.RuneError
		}
		return r
	}, s)
}
