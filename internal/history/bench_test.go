package history_test

import (
	"net/netip"
	"path/filepath"
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
