package files_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/internal/files"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func holds(t *testing.T, path, want string, mode fs.FileMode) {
	t.Helper()
	got, err := files.Read(path)
	must(t, err)
	info, err := os.Stat(path)
	must(t, err)
	if string(got) != want || info.Mode().Perm() != mode {
		t.Errorf("%s: got %q, mode %o, want %q, mode %o", path, got, info.Mode().Perm(), want, mode)
	}
}

func TestCreateAndReplace(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	must(t, files.Create(file, []byte("one"), 0o600))
	holds(t, file, "one", 0o600)
	if err := files.Create(file, []byte("two"), 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want fs.ErrExist", err)
	}
	holds(t, file, "one", 0o600)
	must(t, os.Symlink("file", link))
	if err := files.Create(link, []byte("two"), 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("link: got %v, want fs.ErrExist", err)
	}
	must(t, files.Replace(link, []byte("three"), 0o644))
	holds(t, file, "three", 0o644)
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info.Mode(), err)
	}
	if err := files.Replace(filepath.Join(dir, "none", "file"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("got %v, %v, want the file and the link", entries, err)
	}
}

func TestExposed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(file, nil, 0o600))
	for mode, want := range map[fs.FileMode]bool{0o600: false, 0o400: false, 0o640: true, 0o602: true} {
		must(t, os.Chmod(file, mode))
		if err := files.Exposed(file); (err != nil) != want || err != nil && !strings.Contains(err.Error(), file) {
			t.Errorf("mode %o: got %v, want an error: %v", mode, err, want)
		}
	}
}

func TestWatch(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, []byte("one"), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	seen, done := make(chan string), make(chan error)
	go func() {
		done <- files.Watch(ctx, slog.New(slog.DiscardHandler), []string{file}, func() {
			data, _ := files.Read(file)
			seen <- string(data)
		})
	}()
	if got := <-seen; got != "one" {
		t.Errorf("got %q at the start, want one", got)
	}
	for _, want := range []string{"two", "three"} {
		must(t, files.Replace(file, []byte(want), 0o600))
		if got := <-seen; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
