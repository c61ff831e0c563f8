package files_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/socksctl/socksctl/internal/files"
)

// watched watches a file until the test ends, and returns what gets a value at each
// call.
func watched(t *testing.T, path string) <-chan struct{} {
	t.Helper()
	calls, done := make(chan struct{}, 100), make(chan error, 1)
	go func() { // ends with the test
		done <- files.Watch(t.Context(), slog.New(slog.DiscardHandler), []string{path}, func() { calls <- struct{}{} })
	}()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	<-calls // the watch stands
	return calls
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A database beside the rules is written twice a second.
func TestWatchLeavesOtherFilesAlone(t *testing.T) {
	dir := t.TempDir()
	mine, other := filepath.Join(dir, "rules.toml"), filepath.Join(dir, "history.db")
	put(t, mine, "1")
	put(t, other, "1")
	calls, others := watched(t, mine), watched(t, other)
	put(t, other, "2")
	<-others
	elsewhere := filepath.Join(t.TempDir(), "rules.toml")
	put(t, elsewhere, "2")
	if err := os.Rename(elsewhere, mine); err != nil { // one event
		t.Fatal(err)
	}
	<-calls
	for _, text := range []string{"3", "4"} {
		put(t, other, text)
		<-others // all that came before has been seen by now
	}
	if n := len(calls); n != 0 {
		t.Errorf("%d calls for a file beside it", n)
	}
}

// The directory of a release is swapped as a whole, by way of a symbolic link.
func TestWatchSeesTheSwapOfALink(t *testing.T) {
	dir := t.TempDir()
	for _, release := range []string{"1", "2"} {
		if err := os.Mkdir(filepath.Join(dir, release), 0o700); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, release, "rules.toml"), release)
	}
	link := func(to, name string) {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skip("this system lets nobody make symbolic links: ", err)
		}
	}
	link("1", "current")
	calls := watched(t, filepath.Join(dir, "current", "rules.toml"))
	link("2", "next")
	if err := os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, "current")); err != nil {
		t.Fatal(err)
	}
	<-calls
	put(t, filepath.Join(dir, "2", "rules.toml"), "3")
	<-calls
}
