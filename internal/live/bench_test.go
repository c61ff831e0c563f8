package live_test

import (
	"fmt"
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
	l := many()
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Second)
		live.TakeSample(l, now)
	}
}

// What a session costs at its beginning and end, with one who follows.
func BenchmarkSession(b *testing.B) {
	l := many()
	w := l.Follow(live.Filter{})
	defer w.Close()
	s := made(20000, "alice", "connect", "example.com", 443)
	b.ReportAllocs()
	for b.Loop() {
		l.Opened(s)
		l.Closed(s)
	}
}
