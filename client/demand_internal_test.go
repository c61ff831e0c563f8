package client

import (
	"fmt"
	"testing"
	"time"
)

// What was taken within a second is wanted again, and half of it for each life
// that it was not.
func TestDemand(t *testing.T) {
	start := time.Unix(1e9, 0)
	for name, test := range map[string]struct {
		taken []int    // tenths of a second after the start
		at    []string // durations after it, and what is wanted then
	}{
		"nothing":       {nil, []string{"0s 0", "1h 0"}},
		"one":           {[]int{0}, []string{"0s 2", "29s 2", "31s 0"}},
		"a page":        {[]int{0, 1, 1, 2, 2, 3}, []string{"1s 10", "20s 10", "40s 5", "100s 2", "160s 0"}},
		"one by one":    {[]int{0, 10, 20, 30, 40}, []string{"4s 2", "30s 2", "40s 0"}},
		"less and less": {[]int{0, 1, 1, 2, 2, 3, 400, 400, 400}, []string{"40s 5", "65s 5", "75s 2", "135s 0"}},
		"too few":       {[]int{0, 1, 1, 2, 2, 3, 200}, []string{"20s 10", "40s 5"}},
		"very many":     {make([]int, 1000), []string{"20s 16", "40s 13", "100s 7", "160s 4", "220s 2", "280s 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := demand{life: time.Minute, most: 16}
			for _, tenths := range test.taken {
				d.taken(start.Add(time.Duration(tenths) * time.Second / 10))
			}
			for _, want := range test.at {
				var after string
				var n int
				fmt.Sscan(want, &after, &n)
				passed, err := time.ParseDuration(after)
				if err != nil {
					t.Fatal(err)
				}
				if got := d.wanted(start.Add(passed)); got != n {
					t.Errorf("after %s: got %d, want %d", after, got, n)
				}
			}
		})
	}
}
