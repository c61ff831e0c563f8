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
	if cmd.HasSubCommands() && !cmd.LocalNonPersistentFlags().HasFlags() { // a group with flags of its own does something
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
// also of one that is quoted as a word of another command.
func commandLines(example string) (all [][]string) {
	word := regexp.MustCompile(`(?:[^\s']|'[^']*')+`)
	for line := range strings.Lines(example) {
		var args []string
		for _, quoted := range word.FindAllString(line+" | ", -1) {
			bare := strings.ReplaceAll(quoted, "'", "")
			_, inner, isCall := strings.Cut(bare, "socksctl ")
			switch {
			case isCall:
				all = append(all, strings.Fields(inner))
			case bare == "|" && args != nil:
				all = append(all, args[1:])
				args = nil
			case bare == "socksctl" || args != nil:
				args = append(args, bare)
			}
		}
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
