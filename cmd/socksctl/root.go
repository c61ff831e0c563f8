package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// streams is what a command reads and writes: out is the answer, err the talk.
type streams struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// talk writes a line to the user, in the one form that all have.
func (s streams) talk(format string, args ...any) {
	fmt.Fprintf(s.err, "socksctl: "+format+"\n", args...)
}

// run carries out one command line and returns the exit status.
func run(args []string, in io.Reader, out, errOut io.Writer) int {
	s := streams{in: in, out: out, err: errOut}
	root := rootCommand(s)
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	if err != nil {
		s.explain(err)
	}
	return status(err)
}

// rootCommand returns the tree of commands on s.
func rootCommand(s streams) *cobra.Command {
	root := &cobra.Command{
		Use:               "socksctl",
		Short:             "SOCKS5 inside TLS: server, forwarder and tools",
		Example:           "  socksctl quickstart",
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return misuse("%w (see %s --help)", err, cmd.CommandPath())
	})
	root.Version = readVersion().text()
	root.SetVersionTemplate("{{.Version}}\n")
	root.AddCommand(commands(s)...)
	addCompletion(root)
	refuseHelp(root)
	for _, cmd := range root.Commands() {
		if cmd.HasSubCommands() {
			asGroup(cmd)
		}
	}
	return root
}

// refuseHelp has help of what is no command fail, which cobra has not.
func refuseHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	help, _, err := root.Find([]string{"help"})
	if err != nil {
		return
	}
	help.Example = "  socksctl help cert ca"
	show := help.Run
	help.Run, help.RunE = nil, func(_ *cobra.Command, args []string) error {
		if _, _, err := root.Find(args); err != nil {
			return err
		}
		show(help, args)
		return nil
	}
}

// asGroup makes cmd show its help, unless it does something by itself, and refuse a
// command that it does not have: cobra does that for the root only.
func asGroup(cmd *cobra.Command) {
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return misuse("unknown command %q for %q (see %s --help)", args[0], cmd.CommandPath(), cmd.CommandPath())
		}
		return nil
	}
	if cmd.RunE == nil {
		cmd.RunE = func(*cobra.Command, []string) error { return cmd.Help() }
	}
}

// noArgs and exactArgs are cobra's, with the exit status of misuse.
func noArgs(cmd *cobra.Command, args []string) error { return exactArgs(0)(cmd, args) }

func exactArgs(n int) cobra.PositionalArgs { return rangeArgs(n, n) }

func rangeArgs(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return misuse("%s is used as: %s (see --help)", cmd.CommandPath(), cmd.UseLine())
		}
		return nil
	}
}
