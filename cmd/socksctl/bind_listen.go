package main

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/spf13/cobra"

	"github.com/socksctl/socksctl/client"
)

func bindListenCommand(s streams) *cobra.Command {
	var (
		o    proxyOptions
		peer string
	)
	cmd := &cobra.Command{
		Use:   "bind-listen",
		Short: "Accept one connection on a port of a proxy, joined to stdin and stdout",
		Long: `Ask a proxy for a port (BIND), accept one connection there, and join it to stdin
and stdout.

Two lines go to stderr: "listening on ADDR:PORT", which is what to tell the
peer, and "connection from ADDR:PORT".`,
		Example: "  socksctl bind-listen --server socks5+tls://proxy.example.com --ca ca.crt --peer 203.0.113.9",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			from := net.JoinHostPort(strings.Trim(peer, "[]"), "0")
			if err := checkTarget(from); err != nil {
				return err
			}
			d, _, err := o.dialer(s, clientLog(s))
			if err != nil {
				return err
			}
			c, err := acceptOne(cmd.Context(), s, d, from)
			if err != nil {
				return err
			}
			return join(s, c)
		},
	}
	cmd.Flags().StringVar(&peer, "peer", "0.0.0.0", "host that may connect (default: any)")
	o.register(cmd.Flags())
	return cmd
}

// acceptOne tells where d listens for peer, and who came.
func acceptOne(ctx context.Context, s streams, d *client.Dialer, peer string) (net.Conn, error) {
	l, err := d.Listen(ctx, "tcp", peer)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	fmt.Fprintf(s.err, "listening on %s\n", l.Addr())
	c, err := l.Accept()
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(s.err, "connection from %s\n", c.RemoteAddr())
	return c, nil
}
