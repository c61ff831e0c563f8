package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocumentedRules runs the examples of docs/acl.md on the file that is there.
func TestDocumentedRules(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/acl.md"))
	if err != nil {
		t.Fatal(err)
	}
	rules := filepath.Join(t.TempDir(), "rules.toml")
	write(t, rules, []byte(block(t, string(text), "toml")))
	examples := strings.Split(block(t, string(text), "console"), "$ socksctl ")[1:]
	if len(examples) != 5 {
		t.Fatalf("got %d examples, want 5", len(examples))
	}
	for _, example := range examples {
		line, want, _ := strings.Cut(example, "\n")
		var out, errs strings.Builder
		args := strings.Fields(strings.Replace(line, "rules.toml", rules, 1))
		if status := run(args, strings.NewReader(""), &out, &errs); status != 0 || out.String() != want {
			t.Errorf("%s: got status %d, %q and %q, want %q", line, status, out.String(), errs.String(), want)
		}
	}
}

// block returns the first block of a language in a page.
func block(t *testing.T, page, language string) string {
	t.Helper()
	_, after, _ := strings.Cut(page, "```"+language+"\n")
	text, _, found := strings.Cut(after, "```")
	if !found {
		t.Fatalf("no block of %s", language)
	}
	return text
}
