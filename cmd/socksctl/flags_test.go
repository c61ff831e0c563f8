package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestDocumentedFlags holds the documents to name no command and no flag that there is
// not: in what stands in backquotes and begins with a flag, or with socksctl, serve or
// forward.
func TestDocumentedFlags(t *testing.T) {
	flags := make(map[string]bool)
	walk(rootCommand(streams{}), func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { flags[f.Name] = true })
	})
	for _, page := range pages(t, root, "docs") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, span := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(string(text), -1) {
			words := strings.Fields(span[1])
			switch name, isFlag := strings.CutPrefix(words[0], "--"); {
			case isFlag && name != "" && !flags[name] && !slices.Contains(flagsOfCurl, name):
				t.Errorf("%s: no command has --%s", filepath.Base(page), name)
			case words[0] == "socksctl":
				checkWords(t, page, words[1:])
			case words[0] == "serve" || words[0] == "forward":
				checkWords(t, page, words)
			}
		}
	}
}

// flagsOfCurl and its kin stand in the documents by themselves.
var flagsOfCurl = []string{"socks5", "socks5-hostname", "proxy-type", "proxy-user"}

// checkWords holds the words that a page has of a command line, which need not be all
// of it, to name a command and flags that it has.
func checkWords(t *testing.T, page string, words []string) {
	t.Helper()
	if end := slices.Index(words, "--"); end >= 0 {
		words = words[:end]
	}
	cmd, rest, err := rootCommand(streams{}).Find(words)
	if err != nil || cmd.HasSubCommands() && len(rest) > 0 && !strings.ContainsAny(rest[0][:1], "-[") {
		t.Errorf("%s: there is no command %q: %v", filepath.Base(page), words, err)
		return
	}
	for _, word := range rest {
		name, isFlag := strings.CutPrefix(word, "--")
		if isFlag && name != "help" && cmd.Flags().Lookup(name) == nil {
			t.Errorf("%s: %s has no --%s", filepath.Base(page), cmd.CommandPath(), name)
		}
	}
}
