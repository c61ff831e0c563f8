package live_test

import (
	"fmt"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/live"
)

// many is a table of ten thousand.
func many() *live.Table {
	l := live.NewTable()
	for id := range uint64(10000) {
		l.Opened(made(id+1, fmt.Sprint("user", id%100), "connect", fmt.Sprint("host", id%1000, ".example.com"), 443))
	}
	return l
}

func BenchmarkList10000(b *testing.B) {
	l := many()
	b.ReportAllocs()
	for b.Loop() {
		if sessions, _ := l.List(live.Filter{Sort: "bytes"}); len(sessions) != 10000 {
			b.Fatal(len(sessions))
		}
	}
}

func BenchmarkListOneUserOf10000(b *testing.B) {
	l := many()
	b.ReportAllocs()
	for b.Loop() {
		if sessions, _ := l.List(live.Filter{User: "user7"}); len(sessions) != 100 {
			b.Fatal(len(sessions))
		}
	}
}

// What a sample costs, which is taken every two seconds.
func BenchmarkSample10000(b *testing.B) {
	sample := live.Sampler(many())
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Second)
		sample(now)
	}
}

// What a session costs at its beginning and end, with one who follows and one who
// takes samples all the time. With -cpu 8 it tells how long sessions wait.
func BenchmarkSession(b *testing.B) {
	l := many()
	w := l.Follow(live.Filter{})
	defer w.Close()
	var sampling sync.WaitGroup
	defer sampling.Wait()
	done := make(chan struct{})
	defer close(done)
	sample := live.Sampler(l)
	sampling.Go(func() { // ends with done
		for at := time.Now(); ; at = at.Add(time.Second) {
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
				sample(at)
			}
		}
	})
	var last atomic.Uint64
	last.Store(20000)
	before := waited()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		s := made(last.Add(1), "alice", "connect", "example.com", 443)
		for pb.Next() {
			l.Opened(s)
			l.Closed(s)
		}
	})
	b.ReportMetric((waited()-before)/float64(b.N)*1e9, "wait-ns/op")
}

// waited returns for how many seconds goroutines have waited for locks.
func waited() float64 {
	sample := []metrics.Sample{{Name: "/sync/mutex/wait/total:seconds"}}
	metrics.Read(sample)
	return sample[0].Value.Float64()
}
