// Package strict decodes TOML and takes nothing that it does not know. Every
// error names the line, and the key where there is one.
package strict

import (
	"bytes"
	"errors"
	"fmt"
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
		said := strings.TrimPrefix(bad.Error(), "toml: ")
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

// locate finds the number or boolean that err is about, where text belongs:
// the decoder hands it to UnmarshalText and loses its place.
func locate(data []byte, err error) error {
	for i, line := range strings.Split(string(data), "\n") {
		key, value, _ := strings.Cut(line, "=")
		value, _, _ = strings.Cut(value, "#")
		if value = strings.TrimSpace(value); value != "" && strings.HasPrefix(err.Error(), fmt.Sprintf("%q ", value)) {
			return fmt.Errorf("line %d: %s: %w", i+1, strings.TrimSpace(key), err)
		}
	}
	return err
}
