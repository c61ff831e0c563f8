package main

import (
	"context"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func quickstartCommand(s streams) *cobra.Command {
	var once bool
	cmd := &cobra.Command{
		Use:   "quickstart",
		Short: "Show the whole path at work: app, forwarder, mutual TLS, server, origin",
		Long: `Quickstart makes a throwaway CA in memory, starts a server that requires client
certificates and a forwarder in front of it, both on loopback, and sends one
request of each kind through them: CONNECT, UDP ASSOCIATE and BIND. It prints
what goes over the wire, and then stays up for you to try.`,
		Example: "  socksctl quickstart --once",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return quickstart(ctx, s, once)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "end after the demonstration")
	return cmd
}

// quickstart shows the three commands, and serves until ctx ends.
func quickstart(ctx context.Context, s streams, once bool) error {
	stack, err := newStack(ctx)
	if err != nil {
		return err
	}
	defer stack.close()
	d := &demonstration{stack: stack, print: newPrinter(s.out)}
	d.print.title("app  →  forwarder %s  →  TLS 1.3, both sides with certificates  →  server %s  →  origin",
		stack.local, stack.tls)
	for _, step := range []func(context.Context) error{d.connect, d.udp, d.bind} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if once {
		d.print.title("all three worked")
		return nil
	}
	stack.tap.record.end()
	d.print.title("all three worked, and the forwarder stays up; try")
	fmt.Fprintf(s.out, "  curl --socks5-hostname %s http://%s/\n", stack.local, stack.web)
	fmt.Fprintln(s.out, "  and end it with Ctrl-C")
	<-ctx.Done()
	return nil
}
