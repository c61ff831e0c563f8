package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// TestShellScripts has shellcheck read every script: a branch that runs on a new
// machine only is wrong for long before anyone sees it.
func TestShellScripts(t *testing.T) {
	shellcheck, err := exec.LookPath("shellcheck")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("shellcheck is missing: install the Debian package shellcheck")
		}
		t.Skip("shellcheck is missing: install the Debian package shellcheck")
	}
	scripts := textFiles(t, regexp.MustCompile(`\A#!.*\b(ba)?sh\n`))
	if len(scripts) < 3 {
		t.Fatalf("got %d scripts, want those of tools and .ci at least", len(scripts))
	}
	if out, err := exec.Command(shellcheck, scripts...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestMergesAreWhole looks for what git leaves in a file that was not merged.
func TestMergesAreWhole(t *testing.T) {
	for _, path := range textFiles(t, regexp.MustCompile(`(?m)^(<{7}|>{7}) `)) {
		t.Errorf("%s: a merge is not finished", path)
	}
}

// textFiles returns the files of the repository whose text matches.
func textFiles(t *testing.T, what *regexp.Regexp) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", "dist", "node_modules"}, entry.Name()):
			return fs.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil && what.Match(text) {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}
