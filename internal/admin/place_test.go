package admin

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestPlace(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no place there")
	}
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
		{0, "", "unix:" + run + "/socksctl/serve.sock", nil},
		{0, "/run/user/0", "unix:" + run + "/socksctl/serve.sock", nil}, // a login of root's finds what init started
		{1000, "/run/user/1000", "unix:/run/user/1000/socksctl/serve.sock", nil},
		{1000, "", "", ErrNoPlace},
		{1000, "run", "", ErrNoPlace},
	} {
		if got, err := place(Serve, c.uid, c.dir); filepath.ToSlash(got) != c.want || !errors.Is(err, c.err) {
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
		if info, err := os.Stat(own); err != nil || info.Mode().Perm() != mode {
			t.Skip("this system has no modes")
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

func TestOwnDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "socksctl")
	for range 2 { // it is made, and it is there
		if err := ownDir(dir); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("got mode %v, %v, want 0700", info.Mode(), err)
		}
	}
	for mode, good := range map[os.FileMode]bool{0o755: true, 0o750: true, 0o770: false, 0o777: false} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if err := ownDir(dir); (err == nil) != good {
			t.Errorf("mode %o: got %v", mode, err)
		}
	}
	if err := ownDir(filepath.Join(dir, "none", "socksctl")); err == nil {
		t.Error("a directory without a parent is no error")
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if err := ownDir(link); err == nil {
		t.Error("a link is no error")
	}
}

// A service in a unit is in the directory that systemd made; commands there ask
// those elsewhere when none is.
func TestPlaceInUnit(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("RUNTIME_DIRECTORY", dir+string(filepath.ListSeparator)+"/other")
	want := "unix:" + filepath.Join(dir, "serve.sock")
	if got, err := Place(Serve); got != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	usual, err := usualPlace(Forward)
	if err == nil && !slices.Contains(Places(), usual) {
		t.Errorf("looks in %q, want %s among them", Places(), usual)
	}
	l, err := ListenHere(t.Context(), Serve, func(ctx context.Context, address string) (net.Listener, error) {
		return new(net.ListenConfig).Listen(ctx, "unix", strings.TrimPrefix(address, "unix:"))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if got := Running(t.Context()); !slices.Equal(got, []string{want}) {
		t.Errorf("got %q, want %s, whatever runs elsewhere", got, want)
	}
}
