//go:build !race

// The race detector allocates.

package history

import (
	"slices"
	"testing"
)

// What rows have in common is there in each of them, and allocated once.
func TestCellsInCommonAreAllocatedOnce(t *testing.T) {
	c := &cells{values: make([]any, 0, 1000), width: 4}
	row := func(last string) {
		put(c, "a long enough name")
		put[int64](c, 1<<40, 0)
		put(c, last)
	}
	row("first")
	if got := testing.AllocsPerRun(100, func() { row("first") }); got != 0 {
		t.Errorf("a row like the one before it: got %v allocations, want none", got)
	}
	c.values = c.values[:4]
	row("second")
	want := []any{"a long enough name", int64(1 << 40), int64(0), "first", "a long enough name", int64(1 << 40), int64(0), "second"}
	if !slices.Equal(c.values, want) {
		t.Errorf("got %v, want %v", c.values, want)
	}
}
