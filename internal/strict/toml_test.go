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
		Even  even `toml:"even"`
		List  []string
		Text  string
		Yes   *bool
		Count uint32
		Table struct{}
	} `toml:"a"`
}

func TestTOML(t *testing.T) {
	for text, want := range map[string]string{
		"[a]\neven = 'xx'\nList = ['b']": "",
		"[a]\neven = 'x'":                "line 2: a.even: ",
		"[a]\n\neven = 123 # not text":   "line 3: a.even: ",
		"[a]\nodd = 1\nmore = 2":         "line 2: unknown key a.odd\nline 3: unknown key a.more",
		"[a]\nList = 3":                  "line 2: a.List: not a list, which belongs here: ",
		"[a]\nList = 'b'":                "line 2: a.List: not a list, which belongs here: ",
		"[a]\nText = 3":                  "line 2: a.Text: not text, which belongs here: ",
		"[a]\nYes = 'yes'":               "line 2: a.Yes: neither true nor false",
		"[a]\nCount = -1":                "line 2: a.Count: -1 is negative",
		"[a]\nTable = 3":                 "line 2: a.Table: not the kind of value that belongs here",
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

func TestLine(t *testing.T) {
	text := "a = 1\n[ b ] # the first\n# a = 2\n a=3\n[[c.d]]\na = ['x'] # more\n"
	for key, want := range map[string]int{"a": 1, "b.a": 4, "c.d.a": 6, "b": 0, "c.a": 0} {
		if got := strict.Line([]byte(text), key); got != want {
			t.Errorf("%s: got %d, want %d", key, got, want)
		}
	}
}
