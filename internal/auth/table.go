package auth

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const maxField = 255 // of a name and of a password, RFC 1929, section 2

// table is the content of a user file.
type table struct {
	sum    [sha256.Size]byte // of the file
	users  map[string]hash
	decoys []hash // worked on for users that do not exist
	cache  *cache
}

// parseTable reads lines of "name:hash". Empty lines and those that begin with
// "#" are passed over. Errors name the file and the line, and show neither a
// hash nor what may be a password.
func parseTable(file string, data []byte) (*table, error) {
	t := &table{sum: sha256.Sum256(data), users: make(map[string]hash), cache: newCache()}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		name, rest, ok := splitLine(line)
		if !ok {
			continue
		}
		err := checkName(name)
		if _, twice := t.users[name]; err == nil && twice {
			err = fmt.Errorf("user %q is there twice", name)
		}
		if err == nil {
			t.users[name], err = parseHash(rest)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, n, err)
		}
	}
	t.decoys = t.byClass()
	return t, nil
}

// splitLine returns the two parts of a line, and false for one that has none.
func splitLine(line string) (name, rest string, ok bool) {
	line = strings.TrimRight(line, " \t\r\n")
	if line == "" || line[0] == '#' {
		return "", "", false
	}
	name, rest, _ = strings.Cut(line, ":")
	return name, rest, true
}

// checkName refuses names that a login cannot have, or a line cannot hold. It
// shows none of them: a line without a colon may be anything.
func checkName(name string) error {
	switch {
	case name == "" || len(name) > maxField:
		return fmt.Errorf("a name has 1 to %d bytes", maxField)
	case strings.ContainsAny(name, ":\r\n"):
		return errors.New("a name cannot have a colon or a line break in it")
	case name[0] == '#':
		return errors.New("a name cannot begin with #")
	}
	return nil
}

// checkPassword refuses passwords that cannot be sent.
func checkPassword(password string) error {
	if password == "" || len(password) > maxField {
		return fmt.Errorf("a password has 1 to %d bytes", maxField)
	}
	return nil
}

// byClass returns the hashes of all users, those of a class together, and one
// that nobody has when there are no users.
func (t *table) byClass() (hashes []hash) {
	classes := make(map[string][]hash)
	for _, h := range t.users {
		classes[h.class()] = append(classes[h.class()], h)
	}
	for _, class := range slices.Sorted(maps.Keys(classes)) {
		hashes = append(hashes, classes[class]...)
	}
	if len(hashes) == 0 {
		hashes = []hash{newArgon("")}
	}
	return hashes
}
