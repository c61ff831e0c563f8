package workflows

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What a program calls may come, and may not go but in another major version.
func TestAPIDiff(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "checkout")
	run := func(name string, args ...string) (string, error) {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@localhost", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@localhost")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	must := func(name string, args ...string) string {
		t.Helper()
		out, err := run(name, args...)
		if err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
		return out
	}
	if out, err := exec.Command("git", "clone", "-q", root, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	extra := filepath.Join(dir, "certs", "extra.go")
	if err := os.WriteFile(extra, []byte("package certs\n\n// Extra is there for a while.\nfunc Extra() {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := must("tools/apidiff", "HEAD"); !strings.Contains(out, "certs: ") || !strings.Contains(out, "Extra: added") {
		t.Errorf("an addition: got %q", out)
	}
	must("git", "add", extra)
	must("git", "commit", "-q", "-m", "certs: have more")
	must("git", "rm", "-q", extra)
	out, err := run("tools/apidiff", "HEAD")
	if err == nil || !strings.Contains(out, "Extra: removed") {
		t.Errorf("a removal: got %q, %v", out, err)
	}
	if out := must("env", "MAJOR=1", "tools/apidiff", "HEAD"); !strings.Contains(out, "Extra: removed") {
		t.Errorf("in another major version: got %q", out)
	}
}
