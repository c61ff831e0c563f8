package history_test

import (
	"path/filepath"
	"testing"

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

// connected is the record of a CONNECT.
func connected(id uint64) history.Record {
	r := full()
	r.ID, r.Command, r.Targets, r.Dropped, r.Error = id, "connect", nil, nil, ""
	return r
}
