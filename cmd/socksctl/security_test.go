package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/internal/sockstest"
)

// TestSecurityPage holds docs/security.md to name no test that does not exist.
func TestSecurityPage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	exists, named := allTests(t), 0
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(string(page), -1) {
		if !namesTest.MatchString(m[1]) {
			continue
		}
		named++
		if !exists[m[1]] {
			t.Errorf("the page names the test %s, which does not exist", m[1])
		}
	}
	if named == 0 {
		t.Error("the page names no test")
	}
}

// namesTest finds what stands for a test: package.TestName, and a statement of
// the conformance suite by its number.
var namesTest = regexp.MustCompile(`\.?(Test|Fuzz)[A-Z]|^[0-9]{2}_`)

// allTests returns the tests as docs/security.md names them.
func allTests(t *testing.T) map[string]bool {
	t.Helper()
	exists := make(map[string]bool)
	for _, s := range sockstest.All() {
		exists[s.Name] = true
	}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || d.IsDir():
			return err
		case filepath.Ext(path) == ".txtar":
			exists["socksctl.TestScripts/"+strings.TrimSuffix(d.Name(), ".txtar")] = true
		case strings.HasSuffix(path, "_test.go"):
			text, err := os.ReadFile(path)
			for _, m := range declared.FindAllSubmatch(text, -1) {
				exists[filepath.Base(filepath.Dir(path))+"."+string(m[1])] = true
			}
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return exists
}
