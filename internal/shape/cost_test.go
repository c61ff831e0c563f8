package shape_test

import (
	"math"
	"sync"
	"testing"

	"github.com/socksctl/socksctl/internal/shape"
)

// ways returns the limits whose costs are of interest. Only that of "refused" is
// ever reached.
func ways() []namedWay {
	fast := func() []*shape.Bandwidth { return []*shape.Bandwidth{shape.NewBandwidth(100 * gib)} }
	return []namedWay{
		{"none", shape.Way{}},
		{"unlimited", shape.Way{Bandwidths: []*shape.Bandwidth{{}}, Datagrams: []*shape.Datagrams{{}}}},
		{"bandwidth", shape.Way{Bandwidths: fast()}},
		{"both", shape.Way{Bandwidths: fast(), Datagrams: []*shape.Datagrams{shape.NewDatagrams(math.MaxInt32)}}},
		{"refused", shape.Way{Bandwidths: fast(), Datagrams: []*shape.Datagrams{shape.NewDatagrams(1)}}},
	}
}

type namedWay struct {
	name string
	shape.Way
}

func TestNothingIsAllocated(t *testing.T) {
	for _, w := range ways() {
		if n := testing.AllocsPerRun(100, func() { w.Allow(1200) }); n != 0 {
			t.Errorf("%s: %v allocations a datagram, want 0", w.name, n)
		}
		if n := testing.AllocsPerRun(100, func() { w.Wait(t.Context(), w.Most()) }); n != 0 {
			t.Errorf("%s: %v allocations a part, want 0", w.name, n)
		}
	}
	slow := shape.NewBandwidth(10 * mib)
	if n := testing.AllocsPerRun(20, func() { slow.Wait(t.Context(), 10*kib) }); n != 0 {
		t.Errorf("%v allocations a part that waits, want 0", n)
	}
}

func BenchmarkAllow(b *testing.B) {
	for _, w := range ways() {
		b.Run(w.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w.Allow(1200)
			}
		})
	}
}

func BenchmarkWait(b *testing.B) {
	for _, w := range ways()[:4] {
		b.Run(w.name, func(b *testing.B) {
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Wait(ctx, min(w.Most(), 1500)); err != nil { // less than comes in
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkQueue is of a hundred streams in one queue, that do not have to wait
// for the rate but for each other.
func BenchmarkQueue(b *testing.B) {
	limit := shape.NewBandwidth(100 * gib)
	ctx := b.Context()
	var all sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for i := range 100 {
		all.Go(func() { // ends after its part of b.N
			for range (b.N + i) / 100 {
				if err := limit.Wait(ctx, 1500); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
}
