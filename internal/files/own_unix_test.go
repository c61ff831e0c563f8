//go:build !windows

package files_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/internal/files"
)

func TestExposed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(file, nil, 0o600))
	check := func(exposed map[fs.FileMode]bool) {
		t.Helper()
		for mode, want := range exposed {
			must(t, os.Chmod(file, mode))
			if err := files.Exposed(file); (err != nil) != want || err != nil && !strings.Contains(err.Error(), file) {
				t.Errorf("mode %o: got %v, want an error: %v", mode, err, want)
			}
		}
	}
	if os.Getuid() == 0 { // which may let a group read it
		check(map[fs.FileMode]bool{0o600: false, 0o440: false, 0o640: false, 0o660: true, 0o644: true})
		must(t, os.Chown(file, 12345, 0))
	}
	check(map[fs.FileMode]bool{0o600: false, 0o400: false, 0o640: true, 0o602: true})
}

func TestOwnDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "socksctl")
	for range 2 { // it is made, and it is there
		if err := files.OwnDir(dir); err != nil {
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
		if err := files.OwnDir(dir); (err == nil) != good {
			t.Errorf("mode %o: got %v", mode, err)
		}
	}
	if err := files.OwnDir(filepath.Join(dir, "none", "socksctl")); err == nil {
		t.Error("a directory without a parent is no error")
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if err := files.OwnDir(link); err == nil {
		t.Error("a link is no error")
	}
}
