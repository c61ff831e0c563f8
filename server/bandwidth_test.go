package server_test

import (
	"testing"

	"github.com/socksctl/socksctl/server"
)

func TestParseBandwidth(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "0MiB": 0, "1024": 1 << 10, "4096B": 1 << 12, "512KiB": 512 << 10, "2kB": 2e3, "2KB": 2e3, "10MiB": 10 << 20,
		"1MB": 1e6, "1 GiB": 1 << 30, "3GB": 3e9, "1TB": 1e12, "1TiB": 1 << 40,
	} {
		if got, err := server.ParseBandwidth(s); got != want || err != nil {
			t.Errorf("%q: got %d and %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "x", "-1", "1000", "1 parsec", "9999999999GiB", "1.5MiB", "MiB", "0x10KiB", "1KiKi", "1k"} {
		if got, err := server.ParseBandwidth(s); err == nil {
			t.Errorf("%q: got %d, want an error", s, got)
		}
	}
}
