package auth

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestStderrWithoutPassword(t *testing.T) {
	const most = 20
	for _, tc := range []struct{ text, password, want string }{
		{"a hunter2 b hunter2", "hunter2", "a [password] b [password]"},
		{"nothing of it", "hunter2", "nothing of it"},
		{"of 20 bytes: hunter2", "hunter2", "of 20 bytes: [password]"},
		{"cut off beyond. hunter2", "hunter2", "cut off beyond."},
		{"cut off beyond.  hhunter2", "hunter2", "cut off beyond.  h"},
		{"no password", "", "no password"},
		{" \x1b[31m\xff\u202e\n", "x", "\ufffd[31m\ufffd\ufffd"},
	} {
		stderr := &capped{most: most}
		for _, b := range []byte(tc.text) {
			if n, err := stderr.Write([]byte{b}); n != 1 || err != nil {
				t.Fatalf("write: got %d, %v", n, err)
			}
		}
		if got := (verdict{stderr: stderr}).said(tc.password); got != tc.want {
			t.Errorf("%q: got %q, want %q", tc.text, got, tc.want)
		}
	}
}

func FuzzGroups(f *testing.F) {
	f.Add([]byte("staff\n\n on call \r\nB\xc3\xbcro"))
	f.Add([]byte("a\x00b\n"))
	f.Add([]byte("\xff"))
	f.Add(bytes.Repeat([]byte("g\n"), maxGroups+1))
	f.Fuzz(func(t *testing.T, output []byte) {
		groups, err := parseGroups(output)
		if err != nil {
			if len(groups) != 0 || !utf8.ValidString(err.Error()) {
				t.Errorf("got %q with the error %q", groups, err)
			}
			return
		}
		if len(groups) > maxGroups {
			t.Errorf("got %d groups", len(groups))
		}
		for _, g := range groups {
			if g == "" || len(g) > maxField || strings.TrimSpace(g) != g || printable(g) != g || strings.ContainsAny(g, "\n\t") {
				t.Errorf("got the group %q", g)
			}
			if !bytes.Contains(output, []byte(g)) {
				t.Errorf("got the group %q of %q", g, output)
			}
		}
		again, err := parseGroups([]byte(strings.Join(groups, "\n")))
		if err != nil || !slices.Equal(again, groups) {
			t.Errorf("got %q, %v the second time, want %q", again, err, groups)
		}
	})
}
