package human_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/internal/human"
)

func TestTable(t *testing.T) {
	got := strings.Join(human.Table([]human.Column{{Name: "ID", Right: true}, {Name: "NAME"}, {Name: "N", Right: true}, {Name: "LAST"}}, [][]string{
		{"1", "alice", "10", ""},
		{"200", "日本", "7", "x"},
		{"3", "e\u0301", "123", "yy"},
	}), "\n")
	want := ` ID  NAME     N  LAST
  1  alice   10
200  日本     7  x
  3  e` + "\u0301" + `      123  yy`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := human.Table([]human.Column{{Name: "A", Least: 3}, {Name: "B"}}, nil); len(got) != 1 || got[0] != "A    B" {
		t.Errorf("got %q, want the header", got)
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		s    string
		n    int
		want string
	}{
		{"example.com", 11, "example.com"}, {"example.com", 10, "example.c…"}, {"example.com", 1, "…"}, {"example.com", 0, ""},
		{"日本語", 6, "日本語"}, {"日本語", 5, "日本…"}, {"日本語", 4, "日…"}, {"", 0, ""},
	} {
		if got := human.Cut(c.s, c.n); got != c.want || human.Width(got) > c.n {
			t.Errorf("%s in %d: got %s, want %s", c.s, c.n, got, c.want)
		}
	}
}
