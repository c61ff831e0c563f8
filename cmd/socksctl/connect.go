package main

import (
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/socksctl/socksctl/internal/config"
	"github.com/socksctl/socksctl/internal/socks5"
)

func connectCommand(s streams) *cobra.Command {
	var o proxyOptions
	cmd := &cobra.Command{
		Use:   "connect HOST:PORT",
		Short: "Connect through a proxy, joined to stdin and stdout",
		Long: `Connect to HOST:PORT through a proxy (CONNECT), joined to stdin and stdout.

The end of stdin ends one direction; the command ends when the far end has ended
the other, and what stdin holds is sent. HOST is looked up by the proxy.`,
		Example: "  ssh -o ProxyCommand='socksctl connect --server socks5+tls://proxy.example.com --ca ca.crt %h:%p' host.example.com",
		Args:    exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkTarget(args[0]); err != nil {
				return err
			}
			d, _, err := o.dialer(s, clientLog(s))
			if err != nil {
				return err
			}
			c, err := connectSeen(cmd.Context(), s, d, args[0])
			if err != nil {
				return err
			}
			return join(s, c)
		},
	}
	o.register(cmd.Flags())
	return cmd
}

// checkTarget tells a mistake on the command line from a refusal. What may be a
// URL is not shown: there may be a password in it.
func checkTarget(hostport string) error {
	if strings.ContainsAny(hostport, "/@") {
		return misuse("the target is no HOST:PORT but looks like a URL")
	}
	if _, err := socks5.ParseAddr(hostport); err != nil {
		return misuse("%s: %w", hostport, err)
	}
	return nil
}

// clientLog is for the warnings of commands that are clients.
func clientLog(s streams) *slog.Logger {
	log, _ := newLogger(s.err, config.Log{})
	return log
}
