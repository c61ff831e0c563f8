package history_test

import (
	"context"
	"net/netip"
	"path/filepath"
	"runtime/metrics"
	"sync/atomic"
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/history"
)

// BenchmarkSQLite writes records as a Recorder does: many in one Write.
func BenchmarkSQLite(b *testing.B) {
	where, err := history.Parse("sqlite://" + filepath.Join(b.TempDir(), "h.db"))
	if err != nil {
		b.Fatal(err)
	}
	s, err := where.Open()
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Begin(b.Context(), "a", 1); err != nil {
		b.Fatal(err)
	}
	records := make([]history.Record, 500)
	next := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		for i := range records {
			next++
			records[i] = connected(next)
		}
		if err := s.Write(b.Context(), records); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/record")
}

// connected is the record of a CONNECT to an address, of nobody in particular.
func connected(id uint64) history.Record {
	to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(id)}), 443)
	at := begin.Add(time.Duration(id) * time.Millisecond)
	return history.Record{
		ID: id, Run: 1, Status: history.Closed, Reason: "ok", Stage: "relay", Start: at, Active: at, End: at.Add(time.Second),
		Client: "192.0.2.1:5555", Listener: "127.0.0.1:1080", Method: "none",
		Command: "connect", Host: to.Addr().String(), Port: 443, Resolved: to, Egress: "198.51.100.1:4444", Rule: "user *, rule 3", Up: 2, Down: 1,
	}
}

// forgetful is a store that keeps nothing.
type forgetful struct{}

func (forgetful) Begin(context.Context, string, history.Run) (int64, error)         { return 0, nil }
func (forgetful) Write(context.Context, []history.Record) error                     { return nil }
func (forgetful) Finish(context.Context, history.Run, []history.End) (int64, error) { return 0, nil }
func (forgetful) Expire(context.Context, time.Time) (bool, error)                   { return false, nil }

// BenchmarkRecorder is the beginning and the end of a session, while thousands of
// others are open and change. With -cpu 8 it tells how long sessions wait for one
// another.
func BenchmarkRecorder(b *testing.B) {
	r := history.Start(forgetful{}, history.Options{Interval: 50 * time.Millisecond, Queue: 1 << 20})
	defer r.Close()
	const open = 8000
	for id := range uint64(open) {
		r.Opened(made(id))
	}
	var last atomic.Uint64
	last.Store(open)
	before := waited()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		s := made(last.Add(1))
		for pb.Next() {
			r.Opened(s)
			r.Closed(s)
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
