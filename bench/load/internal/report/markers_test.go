package report

import (
	"os"
	"path/filepath"
	"testing"
)

func TestReplaceLeavesTheProse(t *testing.T) {
	document := "before\n<!-- a: begin, by make bench -->\nold\n<!-- a: end, by make bench -->\nafter\n"
	want := "before\n<!-- a: begin, by make bench -->\nnew\n<!-- a: end, by make bench -->\nafter\n"
	for range 2 { // it can be done again
		got, err := replace(document, "a", "new\n")
		if got != want || err != nil {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
		document = got
	}
	for _, bad := range []string{"", "<!-- a: begin, by make bench -->\n", "<!-- a: end, by make bench -->\n<!-- a: begin, by make bench -->\n"} {
		if got, err := replace(bad, "a", "new\n"); err == nil {
			t.Errorf("%q: got %q, want an error", bad, got)
		}
	}
}

func TestRewriteOfAllOrNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "performance.md")
	text := "<!-- a: begin, by make bench -->\n<!-- a: end, by make bench -->\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := rewrite(path, map[string]string{"a": "new\n", "b": "new\n"}); err == nil {
		t.Error("a block is missing: got no error")
	}
	if got, err := os.ReadFile(path); string(got) != text {
		t.Errorf("got %q, %v, want it as it was", got, err)
	}
}
