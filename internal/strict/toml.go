// Package strict decodes TOML and takes nothing that it does not know. Every
// error names the line, and the key where there is one.
package strict

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// TOML decodes data into into, a pointer to a struct. The caller names the file.
func TOML(data []byte, into any) error {
	err := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields().Decode(into)
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) {
		var errs []error
		for _, one := range unknown.Errors {
			line, _ := one.Position()
			errs = append(errs, fmt.Errorf("line %d: unknown key %s", line, strings.Join(one.Key(), ".")))
		}
		return errors.Join(errs...)
	}
	var bad *toml.DecodeError
	if errors.As(err, &bad) {
		line, _ := bad.Position()
		said := plain(strings.TrimPrefix(bad.Error(), "toml: "))
		if key := strings.Join(bad.Key(), "."); key != "" {
			said = key + ": " + said
		}
		return fmt.Errorf("line %d: %s", line, said)
	}
	if err != nil {
		return locate(data, err)
	}
	return nil
}

var (
	wrongKind = regexp.MustCompile(`^cannot decode TOML \S+ .*of type (.+)$`)
	header    = regexp.MustCompile(`^\s*\[+\s*([^\[\]]+?)\s*\]`)
	negative  = regexp.MustCompile(`^negative integer value (-\d+) cannot be stored`)
)

// plain says in the words of a file what the decoder says in those of a program.
func plain(said string) string {
	if found := negative.FindStringSubmatch(said); found != nil {
		return found[1] + " is negative"
	}
	found := wrongKind.FindStringSubmatch(said)
	if found == nil {
		return said
	}
	switch kind := strings.TrimLeft(found[1], "*"); {
	case strings.HasPrefix(kind, "[]"):
		return `not a list, which belongs here: ["...", "..."]`
	case kind == "string":
		return `not text, which belongs here: "..."`
	case kind == "bool":
		return "neither true nor false"
	}
	return "not the kind of value that belongs here"
}

// locate finds the number or boolean that err is about, where text belongs:
// the decoder hands it to UnmarshalText and loses its place.
func locate(data []byte, err error) error {
	for _, at := range leaves(data) {
		for _, value := range append(listed(at.value), at.value) {
			if value != "" && strings.HasPrefix(err.Error(), fmt.Sprintf("%q ", value)) {
				return fmt.Errorf("line %d: %s: %w", at.line, at.key, err)
			}
		}
	}
	return err
}

// listed returns what is in a list, if value is one.
func listed(value string) []string {
	if !strings.HasPrefix(value, "[") {
		return nil
	}
	return strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune("[], \t", r) })
}

// Line returns the line of data that says what key is, and 0 where none says it
// plainly.
func Line(data []byte, key string) int {
	for _, at := range leaves(data) {
		if at.key == key {
			return at.line
		}
	}
	return 0
}

// leaf is what has a value in a file.
type leaf struct {
	line       int
	key, value string // with the tables that it is in, and what stands behind it
}

// leaves returns what stands in lines of its own, as nearly all does.
func leaves(data []byte) (found []leaf) {
	table := ""
	for i, line := range strings.Split(string(data), "\n") {
		if name := header.FindStringSubmatch(line); name != nil {
			table = name[1] + "."
		}
		if key, value, ok := strings.Cut(line, "="); ok {
			value, _, _ = strings.Cut(value, "#")
			found = append(found, leaf{i + 1, table + strings.TrimSpace(key), strings.TrimSpace(value)})
		}
	}
	return found
}
