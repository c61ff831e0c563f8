package strict_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/internal/strict"
)

// even is a value that is text in a file.
type even struct{ text string }

func (e *even) UnmarshalText(b []byte) error {
	if len(b)%2 != 0 {
		return fmt.Errorf("%q is odd", b)
	}
	e.text = string(b)
	return nil
}

type table struct {
	A struct {
		Even even `toml:"even"`
		List []string
	} `toml:"a"`
}

func TestTOML(t *testing.T) {
	for text, want := range map[string]string{
		"[a]\neven = 'xx'\nList = ['b']": "",
		"[a]\neven = 'x'":                "line 2: a.even: ",
		"[a]\n\neven = 123 # not text":   "line 3: even: ",
		"[a]\nodd = 1\nmore = 2":         "line 2: unknown key a.odd\nline 3: unknown key a.more",
		"[a]\nList = 3":                  "line 2: a.List: ",
		"[a":                             "line 1: ",
	} {
		var into table
		err := strict.TOML([]byte(text), &into)
		if want == "" && err == nil && into.A.Even.text == "xx" && len(into.A.List) == 1 {
			continue
		}
		if want == "" || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v and %+v, want %s...", text, err, into, want)
		}
	}
}
