package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestLinks follows the links of the documents that lead to files.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)
	for _, page := range pages(t, root, "docs", "docs/adr", "bench", "deploy/*") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(found[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), found[1])); errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %s leads nowhere", page, found[1])
			}
		}
	}
}

// TestDocumentsAreListed holds docs/README.md to name every document.
func TestDocumentsAreListed(t *testing.T) {
	index, err := os.ReadFile(filepath.Join(root, "docs", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages(t, filepath.Join(root, "docs")) {
		name := filepath.Base(page)
		if name != "README.md" && !strings.Contains(string(index), "("+name+")") {
			t.Errorf("docs/README.md does not list %s", name)
		}
	}
}

// pages returns the documents in dir, and in the others as seen from it.
func pages(t *testing.T, dir string, others ...string) (all []string) {
	t.Helper()
	for _, in := range append([]string{"."}, others...) {
		found, err := filepath.Glob(filepath.Join(dir, in, "*.md"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	if len(all) == 0 {
		t.Fatalf("no documents in %s", dir)
	}
	return all
}

// TestRecordsAreNumbered holds each decision to a number of its own, which its title
// has too.
func TestRecordsAreNumbered(t *testing.T) {
	for i, page := range pages(t, filepath.Join(root, "docs", "adr")) {
		number := fmt.Sprintf("%04d-", i+1)
		if !strings.HasPrefix(filepath.Base(page), number) {
			t.Errorf("%s: want a name that begins with %s", page, number)
		}
		text, err := os.ReadFile(page)
		if err != nil || !strings.HasPrefix(string(text), fmt.Sprintf("# %d. ", i+1)) {
			t.Errorf("%s: the title has another number (%v)", page, err)
		}
	}
}
