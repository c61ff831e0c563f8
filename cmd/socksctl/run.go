package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/socksctl/socksctl/client"
)

// The exit statuses of what starts other programs, as shells have them.
const (
	exitCannotStart = 126
	exitNotFound    = 127
)

// localLimit is how long a forwarder on this host may take to accept.
const localLimit = 2 * time.Second

// runOptions is what the flags of run say.
type runOptions struct{ proxy, noProxy string }

func runCommand(s streams) *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run [flags] -- PROGRAM [ARGUMENT]...",
		Short: "Start one program that goes through the forwarder",
		Long: `Start a program with ALL_PROXY, HTTPS_PROXY, HTTP_PROXY and NO_PROXY set to the
forwarder that runs on this host, or to --proxy. It goes through the proxy if it reads
these variables, as curl, git, npm, Python and many others do; nothing forces it to.

Signals go to the program, and its exit status is that of this command; where it
cannot be started that is 126, and 127 where it is not found.`,
		Example: "  socksctl run -- curl https://example.com/",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return misuse("%s is used as: %s (see --help)", cmd.CommandPath(), cmd.UseLine())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			proxy, err := o.url(cmd.Context(), s, cmd.Flags())
			if err != nil {
				return err
			}
			return start(args, withProxy(os.Environ(), proxy, o.exceptions()))
		},
	}
	register(cmd.Flags(), localSettings())
	cmd.Flags().StringVar(&o.proxy, "proxy", "", "another proxy, socks5h://[user@]host[:port] (default: the forwarder)")
	cmd.Flags().StringVar(&o.noProxy, "no-proxy", "", "what goes without (default: $NO_PROXY, then this host)")
	cmd.Flags().SetInterspersed(false) // what follows PROGRAM is its own
	return cmd
}

// url returns the proxy for the program: the one given, or the forwarder, which has
// to run.
func (o runOptions) url(ctx context.Context, s streams, flags *pflag.FlagSet) (string, error) {
	if o.proxy != "" {
		d, err := client.ParseURL(o.proxy)
		if err != nil {
			return "", misuse("--proxy: %w", err)
		}
		if d.TLS != nil {
			return "", misuse("--proxy: few programs know SOCKS inside TLS: run \"socksctl forward\" for that, and this without --proxy")
		}
		if d.Password != "" {
			warnOfPassword(s, "is the forwarder, whose --password-file keeps it")
		}
		return o.proxy, nil
	}
	local, err := readLocal(flags)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, localLimit)
	defer cancel()
	network, address := local.dial()
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return "", &exitError{exitUnreachable, fmt.Errorf("no forwarder: %w: start one with \"socksctl forward\", or give its --local", err)}
	}
	return local.url("socks5h"), c.Close()
}

// exceptions returns what the program is to reach without the proxy.
func (o runOptions) exceptions() string {
	return cmp.Or(o.noProxy, os.Getenv("NO_PROXY"), os.Getenv("no_proxy"), direct)
}

// start runs a program in place of this one.
func start(args, environ []string) error {
	path, err := exec.LookPath(args[0])
	if err != nil {
		status := exitCannotStart
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
			status = exitNotFound
		}
		return &exitError{status, err}
	}
	return become(path, args, environ)
}
