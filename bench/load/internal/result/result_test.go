package result_test

import (
	"reflect"
	"testing"

	"github.com/socksctl/socksctl/bench/load/internal/result"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0},
		{[]float64{3}, 3},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 2, 9}, 3},
	} {
		given := append([]float64(nil), c.values...)
		if got := result.Median(c.values); got != c.want {
			t.Errorf("median of %v: got %v, want %v", c.values, got, c.want)
		}
		if !reflect.DeepEqual(given, append([]float64(nil), c.values...)) {
			t.Errorf("the values became %v, want %v", c.values, given)
		}
	}
}

func TestStore(t *testing.T) {
	store := result.Store(t.TempDir() + "/results")
	if set, err := store.Load("plain/bulk"); set != nil || err != nil {
		t.Fatalf("of nothing: got %v, %v", set, err)
	}
	want := &result.Set{Scenario: "plain/bulk", Machine: result.ThisMachine(), Commit: "abc", Rounds: 2}
	want.Subject("a").Values["cpu"] = []float64{2, 1}
	want.Subject("b").Error = "failed"
	for range 2 { // the second replaces the first
		if err := store.Save(want); err != nil {
			t.Fatal(err)
		}
	}
	got, err := store.Load("plain/bulk")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if m, ok := got.Median("a", "cpu"); m != 1.5 || !ok {
		t.Errorf("median: got %v, %t, want 1.5", m, ok)
	}
	for _, missing := range [][2]string{{"a", "p50"}, {"b", "cpu"}, {"c", "cpu"}} {
		if m, ok := got.Median(missing[0], missing[1]); ok {
			t.Errorf("median of %v: got %v, want none", missing, m)
		}
	}
}

func TestMachineIsKnown(t *testing.T) {
	m := result.ThisMachine()
	if m.Cores < 1 || m.Kernel == "" || m.Go == "" || m.Memory == "" {
		t.Errorf("got %+v", m)
	}
}
