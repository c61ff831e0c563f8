package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A report that was written changes nothing about what is built.
func TestCommitOfWhatIsBuilt(t *testing.T) {
	b := builder{root: t.TempDir()}
	report, source := filepath.Join(b.root, "docs", "performance.md"), filepath.Join(b.root, "main.go")
	git := func(args ...string) {
		t.Helper()
		args = append([]string{"-C", b.root, "-c", "user.name=test", "-c", "user.email=test@example.com"}, args...)
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v: %s", args, err, out)
		}
	}
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.commit(t.Context()); got != "" {
		t.Errorf("outside a repository: got %q", got)
	}
	write(report, "before")
	write(source, "package main")
	git("init", "-q")
	git("add", ".")
	git("commit", "-qm", "first")
	clean := b.commit(t.Context())
	write(report, "after")
	if got := b.commit(t.Context()); got != clean || got == "" || strings.HasSuffix(got, "-dirty") {
		t.Errorf("with another report: got %q, want %q", got, clean)
	}
	write(source, "package main // changed")
	if got := b.commit(t.Context()); got != clean+"-dirty" {
		t.Errorf("with another source: got %q, want %q", got, clean+"-dirty")
	}
}
