package main

import (
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestExamples holds every command to have an example, and every example to be
// a command line that its command takes.
func TestExamples(t *testing.T) {
	s := streams{in: strings.NewReader(""), out: io.Discard, err: io.Discard}
	walk(rootCommand(s), func(cmd *cobra.Command) {
		t.Run(strings.ReplaceAll(cmd.CommandPath(), " ", "_"), func(t *testing.T) {
			lines := commandLines(cmd.Example)
			if len(lines) == 0 {
				t.Fatal("no example")
			}
			for _, line := range lines {
				checkLine(t, rootCommand(s), line)
			}
		})
	})
}

func walk(cmd *cobra.Command, do func(*cobra.Command)) {
	do(cmd)
	for _, child := range cmd.Commands() {
		walk(child, do)
	}
}

// checkLine parses line and runs nothing.
func checkLine(t *testing.T, root *cobra.Command, line []string) {
	t.Helper()
	cmd, rest, err := root.Find(line)
	if err != nil {
		t.Fatal(err)
	}
	if !cmd.Runnable() {
		t.Errorf("%q: %s does nothing by itself", line, cmd.CommandPath())
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Errorf("%q: %v", line, err)
	}
	if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
		t.Errorf("%q: %v", line, err)
	}
}

// commandLines returns the arguments of each call of socksctl in an example,
// which may be quoted for a shell.
func commandLines(example string) (all [][]string) {
	call := regexp.MustCompile(`socksctl ((?:[^'|\n]|=?'[^'\n]* [^'\n]*'(?: |$))*)`)
	for _, match := range call.FindAllStringSubmatch(example, -1) {
		var line []string
		for _, word := range regexp.MustCompile(`'[^']*'|\S+`).FindAllString(match[1], -1) {
			line = append(line, strings.Trim(word, "'"))
		}
		all = append(all, line)
	}
	return all
}

// TestCommandLines holds the parser of the examples.
func TestCommandLines(t *testing.T) {
	example := "  socksctl a --b 'c d' e\n  printf x | socksctl f\n  ssh -o ProxyCommand='socksctl g %h' host"
	var got []string
	for _, line := range commandLines(example) {
		got = append(got, strings.Join(line, "_"))
	}
	if got, want := strings.Join(got, " "), "a_--b_c d_e f g_%h"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
