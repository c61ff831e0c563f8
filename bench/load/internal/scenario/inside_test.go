package scenario

import (
	"testing"
	"time"
)

func TestTotalOfAProfile(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"Showing nodes accounting for 1.50us, 75% of 2.25us total\n      flat  flat%\n": 2250 * time.Nanosecond,
		"Showing nodes accounting for 0, 0% of 0 total\n      flat  flat%   sum%\n":     0,
	} {
		if got, err := total(text); got != want || err != nil {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
	if got, err := total("nothing of the kind"); err == nil {
		t.Errorf("got %v, want an error", got)
	}
}
