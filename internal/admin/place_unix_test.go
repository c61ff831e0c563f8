//go:build !windows

package admin

import (
	"errors"
	"os"
	"testing"
)

func TestUsualDir(t *testing.T) {
	run := "/run"
	if _, err := os.Stat(run); err != nil {
		run = "/var/run"
	}
	for _, c := range []struct {
		uid  int
		dir  string
		want string
		err  error
	}{
		{0, "", run + "/socksctl", nil},
		{0, "/run/user/0", run + "/socksctl", nil}, // a login of root's finds what init started
		{1000, "/run/user/1000", "/run/user/1000/socksctl", nil},
		{1000, "", "", ErrNoPlace},
		{1000, "run", "", ErrNoPlace},
	} {
		if got, err := dirOf(c.uid, c.dir); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("uid %d, %q: got %q, %v, want %q, %v", c.uid, c.dir, got, err, c.want, c.err)
		}
	}
}

// A user of macOS has a directory of their own without being told which, if it is.
func TestRuntimeDir(t *testing.T) {
	own := t.TempDir()
	t.Setenv("TMPDIR", own)
	t.Setenv("XDG_RUNTIME_DIR", "")
	modes := map[os.FileMode]string{0o700: own, 0o755: ""}
	for mode, want := range modes {
		if err := os.Chmod(own, mode); err != nil {
			t.Fatal(err)
		}
		if got := runtimeDir("darwin"); got != want {
			t.Errorf("mode %o: got %q, want %q", mode, got, want)
		}
		if got := runtimeDir("linux"); got != "" {
			t.Errorf("elsewhere than on macOS: got %q", got)
		}
	}
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/501")
	if got := runtimeDir("darwin"); got != "/run/user/501" {
		t.Errorf("got %q, want XDG_RUNTIME_DIR", got)
	}
}
