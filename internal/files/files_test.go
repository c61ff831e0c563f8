package files_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
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

// hasModes is false on Windows, which knows files that are read-only and others.
const hasModes = runtime.GOOS != "windows"

func holds(t *testing.T, path, want string, mode fs.FileMode) {
	t.Helper()
	got, err := files.Read(path)
	must(t, err)
	info, err := os.Stat(path)
	must(t, err)
	if string(got) != want || info.Mode().Perm() != mode && hasModes {
		t.Errorf("%s: got %q, mode %o, want %q, mode %o", path, got, info.Mode().Perm(), want, mode)
	}
}

// Notepad and PowerShell write these marks.
func TestReadWithMark(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, files.Create(file, []byte("\xef\xbb\xbfsecret\r\n"), 0o600))
	holds(t, file, "secret\r\n", 0o600)
	for _, text := range []string{"\xff\xfes\x00", "\xfe\xff\x00s"} {
		must(t, files.Replace(file, []byte(text), 0o600))
		if got, err := files.Read(file); err == nil || !strings.Contains(err.Error(), file+": it is UTF-16") {
			t.Errorf("got %q, %v, want an error that names the file and UTF-16", got, err)
		}
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

// watch returns what is in file: at the start, and whenever that changed.
func watch(t *testing.T, file string) <-chan string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	seen, done := make(chan string), make(chan error)
	go func() {
		last := ""
		done <- files.Watch(ctx, slog.New(slog.DiscardHandler), []string{file}, func() {
			data, _ := files.Read(file)
			if last == string(data) {
				return
			}
			last = string(data)
			select {
			case seen <- last:
			case <-ctx.Done():
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return seen
}

func TestWatch(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, []byte("one"), 0o600))
	seen := watch(t, file)
	if got := <-seen; got != "one" {
		t.Errorf("got %q at the start, want one", got)
	}
	for _, want := range []string{"two", "three"} {
		must(t, files.Replace(file, []byte(want), 0o600))
		if got := <-seen; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// A link may be swapped anywhere on the way, and what is in its new place may
// change in turn.
func TestWatchLinks(t *testing.T) {
	dir := t.TempDir()
	put := func(version string) {
		must(t, os.MkdirAll(filepath.Join(dir, "releases", version, "etc"), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, "releases", version, "etc", "file"), []byte(version), 0o600))
	}
	swap := func(link, target string) {
		must(t, os.Symlink(target, filepath.Join(dir, "tmp")))
		must(t, os.Rename(filepath.Join(dir, "tmp"), filepath.Join(dir, link)))
	}
	put("one")
	put("two")
	put("three")
	must(t, os.Mkdir(filepath.Join(dir, "config"), 0o700))
	swap("current", "releases/one")
	swap("config/etc", filepath.Join(dir, "current", "etc"))
	swap("config/file", "etc/file")
	seen := watch(t, filepath.Join(dir, "config", "file"))
	if got := <-seen; got != "one" {
		t.Errorf("got %q at the start, want one", got)
	}
	for _, c := range []struct {
		want   string
		change func()
	}{
		{"two", func() { swap("current", "releases/two") }},
		{"changed", func() { must(t, os.WriteFile(filepath.Join(dir, "releases/two/etc/file"), []byte("changed"), 0o600)) }},
		{"three", func() { swap("config/etc", filepath.Join(dir, "releases", "three", "etc")) }},
		{"one", func() { swap("config/file", filepath.Join(dir, "releases", "one", "etc", "file")) }},
		{"again", func() { must(t, files.Replace(filepath.Join(dir, "releases/one/etc/file"), []byte("again"), 0o600)) }},
	} {
		c.change()
		if got := <-seen; got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// Links that lead in a circle are followed no further than links may be.
func TestWatchCircle(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a")
	must(t, os.Symlink("b", file))
	must(t, os.Symlink("a", filepath.Join(dir, "b")))
	seen := watch(t, file)
	must(t, os.Remove(file))
	must(t, os.WriteFile(file, []byte("one"), 0o600))
	if got := <-seen; got != "one" {
		t.Errorf("got %q, want one", got)
	}
}

func TestTryLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := files.TryLock(path)
	must(t, err)
	if _, err := files.TryLock(path); !errors.Is(err, files.ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want ErrLocked and the path", err)
	}
	must(t, unlock())
	unlock, err = files.TryLock(path)
	must(t, err)
	must(t, unlock())
	entries, err := os.ReadDir(filepath.Dir(path))
	if isWindows := runtime.GOOS == "windows"; err != nil || len(entries) > 0 && !isWindows { // which keeps what is open
		t.Errorf("left %v, %v", entries, err)
	}
	if _, err := files.TryLock(filepath.Join(path, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
}

// Of many that want a lock at once, one after the other has it.
func TestTryLockExcludes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var has atomic.Int32
	var all sync.WaitGroup
	for i := range 8 {
		take := []func(string) (func() error, error){files.Lock, files.TryLock}[i%2]
		all.Go(func() { // ends when it has had the lock 50 times
			for had := 0; had < 50; {
				unlock, err := take(path)
				if errors.Is(err, files.ErrLocked) {
					continue
				}
				if n := has.Add(1); err != nil || n != 1 {
					t.Errorf("%d have the lock: %v", n, err)
				}
				has.Add(-1)
				had++
				unlock()
			}
		})
	}
	all.Wait()
}
