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
	"github.com/socksctl/socksctl/internal/inherit"
	"github.com/socksctl/socksctl/server"
)

func forwardCommand(s streams) *cobra.Command {
	settings := forwardSettings()
	var takeover bool
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
			upstreams, err := newUpstreams(s, &l.Forward, cmd.Flags().Changed("server"), log)
			if err != nil {
				return err
			}
			from, err := inherited(cmd.Context(), origin{admin.Forward, l.Forward.Admin, takeover}, log)
			if err != nil {
				return err
			}
			defer from.Close()
			v, err := newForward(upstreams, withoutDefault(l, from), from, log)
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
	registerTakeover(cmd.Flags(), &takeover)
	return cmd
}

// withoutDefault returns the configuration of a process that from was passed to:
// the default address is for those that have no other.
func withoutDefault(l *loaded, from *inherit.Set) *config.Forward {
	c := l.Forward
	if from.Has(plainKind) && l.isDefault("forward.local") {
		c.Local = nil
	}
	return &c
}

// newForward makes a service of c with its listeners open, or from another process.
func newForward(upstreams *upstreams, c *config.Forward, from *inherit.Set, log *slog.Logger) (_ *service, err error) {
	v := &service{Server: forwarder.New(upstreams.Servers), drain: c.DrainTimeout.Duration, openings: openings{from: from, private: true}, log: log}
	v.Log = log
	v.admin = adminSocket{service: admin.Forward, places: c.Admin, tokenFile: c.AdminTokenPath, pprof: c.Pprof}
	v.fence = fence{mode: c.Landlock, key: "forward.landlock"}
	v.upstreams = upstreams
	if source := upstreams.source; source != nil {
		v.certificate = source.Certificate
		v.useCertificates(upstreams.prepare, c.CAPath, c.CertificatePath, c.PrivateKeyPath)
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
		return forwarder.ListenBy(context.Background(), address, v.opener(plainKind))
	})
	v.plain = append(v.plain, v.passed(plainKind)...)
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
