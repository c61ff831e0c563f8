package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func envCommand(s streams) *cobra.Command {
	var shell, program string
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Print the lines that send other programs through the forwarder",
		Long: `Print the lines that send other programs through a forwarder on this host: by
default the variables that curl, git, npm, Python and many others read, for sh and
its like. With --for the lines of the configuration of one program: git, ssh, npm,
firefox (user.js of a profile) or systemd (a drop-in of a service).

Names travel to the proxy and are looked up there.`,
		Example: `  socksctl env
  socksctl env --local 127.0.0.1:1080 --shell fish
  socksctl env --for ssh`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := readLocal(cmd.Flags())
			if err != nil {
				return err
			}
			if program != "" && cmd.Flags().Changed("shell") {
				return misuse("--for and --shell exclude each other")
			}
			lines, err := p.lines(program, shell)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(s.out, strings.Join(lines, "\n"))
			return err
		},
	}
	register(cmd.Flags(), localSettings())
	cmd.Flags().StringVar(&shell, "shell", "sh", "sh, fish or powershell")
	cmd.Flags().StringVar(&program, "for", "", "git, ssh, npm, firefox or systemd: its own configuration, in place of variables")
	return cmd
}

// lines returns what program, or else shell, takes.
func (p localProxy) lines(program, shell string) ([]string, error) {
	if program != "" {
		return p.linesFor(program)
	}
	var lines []string
	for _, v := range proxyVariables(p.url("socks5h"), direct) {
		line, err := v.shellLine(shell)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}
