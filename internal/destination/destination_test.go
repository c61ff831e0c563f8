package destination_test

import (
	"net/netip"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/internal/destination"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// went is where sessions went, by a letter.
var went = map[string]struct {
	host     string
	port     uint16
	resolved string
}{
	"a": {"example.com", 443, "192.0.2.7:443"},
	"b": {"www.Example.com.", 80, ""},
	"c": {"192.0.2.7", 20, "192.0.2.8:4711"}, // a BIND, whose peer came from elsewhere
	"d": {"2001:db8::1", 80, "[2001:db8::1]:80"},
	"e": {"::ffff:10.1.2.3", 443, ""},
	"f": {"", 53, "198.51.100.1:53"}, // a target without a name
}

func TestMatch(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "abcdef",
		"example.com":             "a",
		"EXAMPLE.com.":            "a",
		"example.com:443":         "a",
		"example.com:80":          "",
		"*.example.com":           "b",
		"*.com:80":                "b",
		"xample.com":              "",
		"*.2.7":                   "",
		":443":                    "ae",
		":53":                     "f",
		"192.0.2.7":               "ac",
		"192.0.2.7:443":           "a",
		"192.0.2.7:20":            "c",
		"192.0.2.8:4711":          "c",
		"192.0.2.7:4711":          "",
		"192.0.2.0/24":            "ac",
		"192.0.2.0/24:443":        "a",
		"2001:db8::1":             "d",
		"[2001:db8::1]":           "d",
		"[2001:db8::1]:80":        "d",
		"2001:db8::/32":           "d",
		"[2001:db8::/32]:80":      "d",
		"10.1.2.3":                "e",
		"::ffff:10.1.2.3":         "e",
		"[::ffff:10.1.2.3]:443":   "e",
		"0.0.0.0/0":               "acef",
		"::/0":                    "d",
		"fe80::1%eth0":            "",
		"198.51.100.1:53":         "f",
		"2001:DB8:0::1":           "d",
		"192.0.2.7/24":            "ac",
		"198.51.100.0/31:53":      "f",
		"www.example.com.:80":     "b",
		"*.www.example.com":       "",
		"*.example.com.:80":       "b",
		"192.0.2.8/31":            "c",
		"[2001:db8::/127]:443":    "",
		"[2001:db8::2/127]":       "",
		"2001:db8::/127":          "d",
		"198.51.100.1":            "f",
		"www.example.com:0000080": "b",
	} {
		p, err := destination.Parse(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		var got string
		for _, letter := range strings.Split("abcdef", "") {
			to := went[letter]
			resolved, _ := netip.ParseAddrPort(to.resolved) // none is the zero one
			if p.Match(to.host, to.port, resolved) {
				got += letter
			}
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, text := range []string{
		"example.com:", "example.com:0", "example.com:70000", "example.com:https", "a:b:c", "[::1", "http://example.com", "10.0.0.0/99",
		"*", "a.*.com", "*.*.com", ".", "*.", "*.:80", ":", ":0",
	} {
		if p, err := destination.Parse(text); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: got %+v, %v, want an error that names it", text, p, err)
		}
	}
}
