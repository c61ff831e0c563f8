package main

import (
	"slices"
	"testing"
)

// Where every user may make directories, none is looked into.
func TestHostDirs(t *testing.T) {
	for _, tt := range []struct {
		system, state string
		config        []string
	}{
		{"linux", "/var/lib/socksctl", []string{"/etc/socksctl"}},
		{"darwin", "/var/db/socksctl", []string{"/etc/socksctl"}},
		{"freebsd", "/var/db/socksctl", []string{"/usr/local/etc/socksctl", "/etc/socksctl"}},
		{"windows", "/var/lib/socksctl", nil}, // where nobody is root
	} {
		if got := hostConfigDirs(tt.system); !slices.Equal(got, tt.config) {
			t.Errorf("%s: got %q, want %q", tt.system, got, tt.config)
		}
		if got := hostStateDir(tt.system); got != tt.state {
			t.Errorf("%s: got %q, want %q", tt.system, got, tt.state)
		}
	}
}
