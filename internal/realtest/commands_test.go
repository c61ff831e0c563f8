//go:build linux

package realtest_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// runners are the tests that run blocks of commands which the walks cannot, by what
// stands behind sh there: what systemd of a user does, and what is published.
var runners = map[string]struct{ file, test string }{
	"service": {"internal/realtest/service_test.go", "TestServiceAsDocumented"},
	"release": {"tools/release/commands_test.go", "TestDocumentedCommands"},
}

// TestCommandsAreRun holds the documents to show no command that no test runs. A
// command is what begins as a line of a block of commands does, in whatever block.
func TestCommandsAreRun(t *testing.T) {
	pages, begins := make(map[string][]block), map[string]bool{"socksctl": true, "./socksctl": true}
	for _, pattern := range []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md"} {
		found, err := filepath.Glob(filepath.Join("..", "..", pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %q, %v", pattern, found, err)
		}
		for _, page := range found {
			pages[page] = blocks(readFile(t, page))
			for _, b := range pages[page] {
				if b.isCommands() {
					for _, word := range b.begins() {
						begins[word] = true
					}
				}
			}
		}
	}
	for page, all := range pages {
		name, err := filepath.Rel(filepath.Join("..", "..", "docs"), page)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range all {
			b.checkRun(t, name, begins)
		}
	}
}

func (b block) isCommands() bool {
	return b.file == "" && (b.language == "sh" || b.language == "console")
}

// begins returns the words that lines of the block begin with, if they could be names
// of programs.
func (b block) begins() (words []string) {
	for _, found := range regexp.MustCompile(`(?m)^(?:\$ )?((?:\./)?[a-z][a-z0-9./_-]+)(?: |$)`).FindAllStringSubmatch(b.body, -1) {
		words = append(words, found[1])
	}
	return words
}

// checkRun holds a block of a page to be run, or to have no commands.
func (b block) checkRun(t *testing.T, page string, begins map[string]bool) {
	t.Helper()
	is := func(word string) bool { return begins[word] }
	switch runner, known := runners[b.runner]; {
	case b.runner != "":
		if !known || !strings.Contains(readFile(t, filepath.Join("..", "..", runner.file)), "func "+runner.test+"(") {
			t.Errorf("%s: nothing runs blocks of sh %s:\n%s", page, b.runner, b.body)
		}
	case b.isCommands() || b.file != "" && b.language != "":
		if !slices.Contains(walked, page) {
			t.Errorf("%s is not walked, and has\n%s", page, b.body)
		}
	case strings.Contains("\n"+b.body, "\n$ ") || slices.ContainsFunc(b.begins(), is):
		t.Errorf("%s: no test runs the commands of\n%s", page, b.body)
	}
}
