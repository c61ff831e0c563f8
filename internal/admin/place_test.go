package admin

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestPlace(t *testing.T) {
	for _, c := range []struct {
		uid  int
		dir  string
		want string
		err  error
	}{
		{0, "", "unix:/run/socksctl/serve.sock", nil},
		{0, "/run/user/0", "unix:/run/socksctl/serve.sock", nil}, // a login of root's finds what init started
		{1000, "/run/user/1000", "unix:/run/user/1000/socksctl/serve.sock", nil},
		{1000, "", "", ErrNoPlace},
		{1000, "run", "", ErrNoPlace},
	} {
		if got, err := place(Serve, c.uid, c.dir); filepath.ToSlash(got) != c.want || !errors.Is(err, c.err) {
			t.Errorf("uid %d, %q: got %q, %v, want %q, %v", c.uid, c.dir, got, err, c.want, c.err)
		}
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
