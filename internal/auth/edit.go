package auth

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/rogpeppe/go-internal/lockedfile"

	"github.com/socksctl/socksctl/internal/files"
)

// Add adds a user to a user file, which it makes when it is missing, with an
// argon2id hash of the password. One who is there already is an error that
// wraps fs.ErrExist.
func Add(file, name, password string) error {
	line, err := newLine(name, password)
	if err != nil {
		return err
	}
	return edit(file, name, func(lines []string, at int) ([]string, error) {
		if at >= 0 {
			return nil, &userError{fmt.Sprintf("user %q is in %s already", name, file), fs.ErrExist}
		}
		return append(lines, line), nil
	})
}

// SetPassword gives a user a new password. One who is not there is an error
// that wraps fs.ErrNotExist.
func SetPassword(file, name, password string) error {
	line, err := newLine(name, password)
	if err != nil {
		return err
	}
	return edit(file, name, func(lines []string, at int) ([]string, error) {
		if at < 0 {
			return nil, &userError{fmt.Sprintf("user %q is not in %s", name, file), fs.ErrNotExist}
		}
		lines[at] = line
		return lines, nil
	})
}

// Remove removes a user. One who is not there is an error that wraps
// fs.ErrNotExist.
func Remove(file, name string) error {
	return edit(file, name, func(lines []string, at int) ([]string, error) {
		if at < 0 {
			return nil, &userError{fmt.Sprintf("user %q is not in %s", name, file), fs.ErrNotExist}
		}
		return append(lines[:at], lines[at+1:]...), nil
	})
}

// User is a line of a user file.
type User struct {
	Name string `json:"name"`
	Hash string `json:"hash"` // its kind and cost
}

// List returns the users of a file in its order.
func List(file string) ([]User, error) {
	data, t, err := readTable(file)
	if err != nil {
		return nil, err
	}
	var users []User
	for line := range strings.Lines(string(data)) {
		if name, _, ok := splitLine(line); ok {
			users = append(users, User{name, t.users[name].class()})
		}
	}
	return users, nil
}

// Verify tells whether a password is that of a user, by the code that a server
// logs in with.
func Verify(file, name, password string) (bool, error) {
	_, t, err := readTable(file)
	if err != nil {
		return false, err
	}
	return t.verify(context.Background(), newWork(1), name, password)
}

func readTable(file string) ([]byte, *table, error) {
	data, err := files.Read(file)
	if err != nil {
		return nil, nil, fmt.Errorf("user file: %w", err)
	}
	t, err := parseTable(file, data)
	if err != nil {
		return nil, nil, fmt.Errorf("user file %w", err)
	}
	return data, t, nil
}

func newLine(name, password string) (string, error) {
	if err := errors.Join(checkName(name), checkPassword(password)); err != nil {
		return "", err
	}
	return name + ":" + newArgon(password).String() + "\n", nil
}

// edit changes the lines of a file under the lock FILE.lock; at is the line of
// the user, or -1. What was there before is kept in FILE~. Both are mode 0600.
func edit(file, name string, change func(lines []string, at int) ([]string, error)) error {
	unlock, err := lockedfile.MutexAt(file + ".lock").Lock()
	if err != nil {
		return fmt.Errorf("lock user file: %w", err)
	}
	defer unlock()
	old, err := files.Read(file)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return fmt.Errorf("user file: %w", err)
	}
	lines, at := linesOf(old, name)
	lines, changeErr := change(lines, at)
	switch {
	case changeErr != nil && missing:
		return fmt.Errorf("user file: %w", err)
	case changeErr != nil:
		return changeErr
	}
	if !missing {
		if err := files.Replace(file+"~", old, 0o600); err != nil {
			return err
		}
	}
	return files.Replace(file, []byte(strings.Join(lines, "")), 0o600)
}

// userError is about a user and not, as the errors of package fs are that it is one
// of, about a file.
type userError struct {
	said string
	kind error
}

func (e *userError) Error() string { return e.said }
func (e *userError) Unwrap() error { return e.kind }

func linesOf(data []byte, name string) (lines []string, at int) {
	at = -1
	for line := range strings.Lines(string(data)) {
		if got, _, ok := splitLine(line); ok && got == name {
			at = len(lines)
		}
		if !strings.HasSuffix(line, "\n") {
			line += "\n"
		}
		lines = append(lines, line)
	}
	return lines, at
}
