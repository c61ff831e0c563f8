package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	steps "github.com/socksctl/socksctl/internal/check"
)

// checkOptions is what the flags of check say.
type checkOptions struct {
	proxyOptions
	target, udpTarget string
	json              bool
}

func checkProxyCommand(s streams) *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Go through a proxy step by step, and say what fails and what to do",
		Long: `Go through a proxy end to end: TCP, TLS, both certificates, login, CONNECT, BIND,
and datagrams in TLS and to a target. Each step says what it found and how long
it took; one that fails says why, and what to do next.

No other host is needed: CONNECT goes to a port that BIND opens on the proxy. What
that cannot tell is reported as untested, and takes --target or --udp-target: the
first takes connections, the second answers datagrams, as a DNS server does at
port 53.

The exit status is 0 when nothing failed, 4 when the proxy refused something, 5 when
it cannot be reached or TLS fails, and 1 when something else went wrong.`,
		Example: `  socksctl check --server socks5+tls://proxy.example.com --ca ca.crt --cert me.crt --key me.key
  socksctl check --server socks5://127.0.0.1:1080 --target example.com:443 --udp-target 9.9.9.9:53`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return o.run(ctx, s)
		},
	}
	cmd.Flags().StringVar(&o.target, "target", "", "HOST:PORT to connect to (default: a port that BIND opens on the proxy)")
	cmd.Flags().StringVar(&o.udpTarget, "udp-target", "", "HOST:PORT that answers datagrams (default: none are sent)")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	o.register(cmd.Flags())
	return cmd
}

// run checks, prints and returns an error with the status that is due.
func (o *checkOptions) run(ctx context.Context, s streams) error {
	for _, target := range []string{o.target, o.udpTarget} {
		if target == "" {
			continue
		}
		if err := checkTarget(target); err != nil {
			return err
		}
	}
	d, _, err := o.dialer(s, clientLog(s))
	if err != nil {
		return err
	}
	c := steps.Config{Dialer: d, Target: o.target, UDPTarget: o.udpTarget, Timeout: o.Timeout, Environ: os.Environ()}
	if o.json {
		report := steps.Run(ctx, c)
		if err := json.NewEncoder(s.out).Encode(report); err != nil {
			return err
		}
		return firstFailure(report)
	}
	p := &stepPrinter{printer: newPrinter(s.out)}
	p.title("%s", d.URL())
	c.Done = p.step
	report := steps.Run(ctx, c)
	p.sum(report)
	return firstFailure(report)
}

// firstFailure returns the first failure of r as the error of the command.
func firstFailure(r *steps.Report) error {
	first := r.Failed()
	if first == nil {
		return nil
	}
	return &exitError{status(first.Err), fmt.Errorf("%s failed", first.Name)}
}
