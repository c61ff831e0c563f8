package process

import (
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	line := "42 (a) b (c)) S 7 42 42 0 -1 4194304 1 2 0 0 11 12 3 4 20 0 1 0 100 1 1\n"
	got, err := parseStat(line)
	if want := (stat{parent: 7, children: 70 * time.Millisecond}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range []string{"", "42 (a) S 7", "42 (a) S x 42 42 0 -1 4194304 1 2 0 0 11 12 3 4 20", "42 (a) S 7 42 42 0 -1 4194304 1 2 0 0 11 12 3 y 20"} {
		if got, err := parseStat(bad); err == nil {
			t.Errorf("%q: got %+v, want an error", bad, got)
		}
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	var said tail
	for range 1000 {
		if n, err := said.Write([]byte("0123456789")); n != 10 || err != nil {
			t.Fatal(n, err)
		}
	}
	if _, err := said.Write([]byte("end\n")); err != nil {
		t.Fatal(err)
	}
	if got := said.String(); len(got) > tailSize || got[len(got)-4:] != "9end" {
		t.Errorf("got %d bytes ending in %q", len(got), got[len(got)-4:])
	}
}
