package main

import (
	"context"
	"log/slog"
	"net"

	"github.com/spf13/cobra"

	"github.com/socksctl/socksctl/forwarder"
	"github.com/socksctl/socksctl/internal/acl"
	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/config"
	"github.com/socksctl/socksctl/server"
)

func forwardCommand(s streams) *cobra.Command {
	settings := forwardSettings()
	cmd := &cobra.Command{
		Use:     "forward",
		Short:   "Run a local plain SOCKS5 server that forwards to one inside TLS",
		Example: "  socksctl forward --local :1080 --server socks5+tls://proxy.example.com:1443 --ca ca.crt --cert me.crt --key me.key",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			read := func() (*loaded, error) { return load(cmd.Flags(), settings) }
			l, err := read()
			if err != nil {
				return err
			}
			log, level := newLogger(s.err, l.Log)
			v, err := newForward(s, &l.Forward, cmd.Flags().Changed("server"), log)
			if err != nil {
				return err
			}
			v.useConfiguration(l, level, read)
			if err := v.useForwardHistory(s, l); err != nil {
				closeAll(v.plain)
				return misconfigured(err)
			}
			return v.run(s)
		},
	}
	register(cmd.Flags(), settings)
	return cmd
}

// newForward makes a service of c with its listeners open. inFlag tells that the
// URLs of its servers are in the arguments.
func newForward(s streams, c *config.Forward, inFlag bool, log *slog.Logger) (*service, error) {
	upstreams, err := newUpstreams(s, c, inFlag, log)
	if err != nil {
		return nil, err
	}
	v := &service{Server: forwarder.New(upstreams.Servers), drain: c.DrainTimeout.Duration, log: log}
	v.Log = log
	v.admin = adminSocket{service: admin.Forward, address: c.Admin, tokenFile: c.AdminTokenPath, pprof: c.Pprof}
	v.upstreams = upstreams.Servers
	if source := upstreams.source; source != nil {
		v.certificate = source.Certificate
		v.useCertificates(source.Prepare, c.CAPath, c.CertificatePath, c.PrivateKeyPath)
	}
	if err := v.usePasswords(c.Users); err != nil {
		return nil, misconfigured(err)
	}
	if err := v.useGate("forward.same_user", c.SameUser); err != nil {
		return nil, misconfigured(err)
	}
	v.login = c.Users != "" || c.InsecureOpenProxy
	if c.InsecureOpenProxy && c.Users == "" {
		v.Auth = append(v.Auth, server.NoAuth{})
	}
	v.plain, err = listenAll(c.Local, func(address string) ([]net.Listener, error) {
		return forwarder.Listen(context.Background(), address)
	})
	if err == nil && len(v.plain) == 0 {
		err = misuse("forward takes at least one --local")
	}
	if err != nil {
		return nil, err
	}
	if c.ACL == "" { // where to is for the server to judge
		return v, nil
	}
	if err := v.useRules(c.ACL, acl.Options{AllowPrivate: true, Unresolved: true}); err != nil {
		closeAll(v.plain)
		return nil, misconfigured(err)
	}
	return v, nil
}

// forwardOptions says how c reaches its servers.
func forwardOptions(c *config.Forward) proxyOptions {
	return proxyOptions{
		CA: c.CAPath, Cert: c.CertificatePath, Key: c.PrivateKeyPath,
		ServerName: c.ServerName, Pins: c.Pins, UDP: c.UDP.String(), PasswordFile: c.PasswordPath,
	}
}
