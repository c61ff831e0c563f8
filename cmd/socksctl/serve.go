package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/acl"
	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/auth"
	"github.com/socksctl/socksctl/internal/config"
	"github.com/socksctl/socksctl/internal/inherit"
	"github.com/socksctl/socksctl/server"
)

// defaultTLSAddress is where TLS listens when it is enabled without an address.
const defaultTLSAddress = ":1443"

func serveCommand(s streams) *cobra.Command {
	settings := serveSettings()
	var takeover bool
	cmd := &cobra.Command{
		Use:     "serve",
		Short:   "Run a SOCKS5 server, plain, inside TLS, or both",
		Example: "  socksctl serve --tls-listen 127.0.0.1:1443 --tls-cert server.crt --tls-key server.key --client-ca ca.crt",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			read := func() (*loaded, error) { return loadServe(cmd.Flags(), settings) }
			l, err := read()
			if err != nil {
				return err
			}
			log, level := newLogger(s.err, l.Log)
			from, err := inherited(cmd.Context(), origin{admin.Serve, l.Config.Server.Admin, takeover}, log)
			if err != nil {
				return err
			}
			defer from.Close()
			v, err := newServe(&l.Config.Server, from, log)
			if err != nil {
				return err
			}
			v.useConfiguration(l, level, read)
			if err := errors.Join(v.useHistory(s, l, l.History, "history.url"), v.useAudit(l.Audit)); err != nil {
				closeAll(v.plain)
				closeAll(v.secure)
				return misconfigured(err)
			}
			return v.run(s)
		},
	}
	register(cmd.Flags(), serverSettings())
	registerTakeover(cmd.Flags(), &takeover)
	return cmd
}

// serveSettings is all that serve is told by.
func serveSettings() []setting { return append(serverSettings(), fileSettings()...) }

// loadServe is load for the command serve.
func loadServe(flags *pflag.FlagSet, settings []setting) (*loaded, error) {
	l, err := load(flags, settings)
	if err == nil && flags.Changed("tls-listen") { // goes before a file that switches TLS off
		l.Config.Server.TLS.Enabled = new(true)
	}
	return l, err
}

// newServe makes a service of c with its listeners open, or from another process.
func newServe(c *config.Server, from *inherit.Set, log *slog.Logger) (*service, error) {
	c, err := withPassed(c, from)
	if err != nil {
		return nil, misconfigured(err)
	}
	v := &service{drain: c.DrainTimeout.Duration, openings: openings{from: from, private: c.AllowPrivate}, log: log}
	v.admin = adminSocket{service: admin.Serve, places: c.Admin, tokenFile: c.AdminTokenPath, pprof: c.Pprof}
	v.fence = fence{mode: c.Landlock, key: "server.landlock"}
	v.Server = &server.Server{
		Log: log, Limits: limitsOf(c.Limits), Commands: c.Commands.Set,
		Ports: c.PortRange.PortRange, UDPRoaming: c.UDPRoaming, Balancers: balancersOf(c),
	}
	if err := v.useTLS(c); err != nil {
		return nil, misconfigured(err)
	}
	if err := v.useLogins(c); err != nil {
		return nil, misconfigured(err)
	}
	if err := v.useGate("server.same_user", c.SameUser); err != nil {
		return nil, misconfigured(err)
	}
	public, err := resolveHost(c.Advertise)
	if err != nil {
		return nil, misconfigured(fmt.Errorf("advertise: %w", err))
	}
	v.Advertise = public
	v.Outbound = &server.Direct{Advertise: public, Ports: c.PortRange.PortRange, FullCone: c.UDPFullCone}
	if err := v.listen(c); err != nil {
		return nil, err
	}
	v.warnOfPort()
	o := acl.Options{AllowPrivate: c.AllowPrivate || v.onLoopback()}
	if err := v.useRules(c.ACL, o); err != nil {
		closeAll(v.plain)
		closeAll(v.secure)
		return nil, misconfigured(err)
	}
	return v, nil
}

// balancersOf is whose word the server takes for who a client is.
func balancersOf(c *config.Server) server.Balancers {
	b := server.Balancers{Private: c.AllowPrivate}
	for _, prefix := range c.ProxyProtocol {
		b.Trusted = append(b.Trusted, prefix.Prefix)
	}
	return b
}

// useTLS loads what TLS needs, if there are TLS listeners.
func (v *service) useTLS(c *config.Server) error {
	issued, err := v.useACME(c)
	if err != nil {
		return err
	}
	if err := checkTLS(c.TLS, issued != nil); err != nil || !c.TLS.On() {
		return err
	}
	source, err := certs.NewServer(tlsConfig(c.TLS, issued, v.log))
	if err != nil {
		return err
	}
	v.TLS, v.certificate = source.TLSConfig(), source.Certificate
	v.useCertificates(source.Prepare, c.TLS.CertificatePath, c.TLS.PrivateKeyPath, c.TLS.ClientCAPath, c.TLS.ClientCRLPath)
	v.checks = append(v.checks, func(s *server.Session) error {
		if s.TLS == nil {
			return nil
		}
		return source.Verify(*s.TLS, s.Start)
	})
	return nil
}

var (
	errNoTLSListener = errors.New("server.tls: certificates are for TLS listeners, and there is none (--tls-listen)")
	errNoCertificate = errors.New("no server certificate: a TLS listener takes server.tls.certificate_path and private_key_path (--tls-cert, --tls-key), or --acme-domain")
)

// checkTLS tells what TLS listeners lack, and what is given for none: who names a CA
// of clients believes that they are asked for certificates.
func checkTLS(c config.TLS, issued bool) error {
	switch {
	case c.On() && !issued && c.CertificatePath == "" && c.PrivateKeyPath == "":
		return errNoCertificate
	case c.On() || c.Enabled != nil:
		return nil
	case c.CertificatePath != "" || c.PrivateKeyPath != "" || c.ClientCAPath != "" || c.ClientCRLPath != "" || c.ClientAuth != "":
		return errNoTLSListener
	}
	return nil
}

// tlsConfig is the part of the configuration that package certs understands. A source,
// if there is one, is in place of the certificate.
func tlsConfig(c config.TLS, source certs.Source, log *slog.Logger) certs.ServerConfig {
	return certs.ServerConfig{
		CertFile: c.CertificatePath, KeyFile: c.PrivateKeyPath, Source: source,
		ClientCAFile: c.ClientCAPath, CRLFile: c.ClientCRLPath, ClientAuth: clientAuth(c),
		MinVersion: c.MinVersion.ID, ALPN: []string{client.ALPN}, Log: log,
	}
}

// clientAuth is what becomes of client certificates: with a CA they are
// required, unless the configuration says that asking for them is enough.
func clientAuth(c config.TLS) certs.ClientAuth {
	switch {
	case c.ClientAuth != "":
		return certs.ClientAuth(c.ClientAuth)
	case c.ClientCAPath == "" && (c.RequireClientAuth == nil || !*c.RequireClientAuth):
		return certs.ClientAuthNone
	case c.RequireClientAuth != nil && !*c.RequireClientAuth:
		return certs.ClientAuthRequest
	}
	return certs.ClientAuthRequire
}

// useLogins says who may come in. Where certificates are required, a password
// is asked for beside one; where they are requested, either will do.
func (v *service) useLogins(c *config.Server) error {
	wanted := certs.ClientAuthNone
	if c.TLS.On() {
		wanted = clientAuth(c.TLS)
	}
	passwords := c.Users != "" || c.AuthCommand != ""
	if wanted == certs.ClientAuthRequest || wanted == certs.ClientAuthRequire && !passwords {
		v.Auth = append(v.Auth, auth.Certificate(certs.IdentityKind(c.TLS.Identity)))
	}
	if err := oneVerifier(c); err != nil {
		return err
	}
	if err := errors.Join(v.usePasswords(c.Users), v.useCommand(c.AuthCommand)); err != nil {
		return err
	}
	v.login = passwords || c.InsecureOpenProxy
	switch {
	case c.InsecureOpenProxy && !passwords:
		v.Auth = append(v.Auth, server.NoAuth{})
	case len(v.Auth) > 0 && !passwords:
		v.Auth = append(v.Auth, auth.Local())
	}
	return nil
}

// usePasswords takes logins from a user file, if there is one.
func (v *service) usePasswords(file string) error {
	if file == "" {
		return nil
	}
	users, err := auth.NewPassword(file, v.log)
	if err != nil {
		return err
	}
	v.Auth = append(v.Auth, users)
	v.parts = append(v.parts, part{name: "users", files: []string{file}, prepare: users.Prepare})
	v.checks = append(v.checks, func(s *server.Session) error {
		if s.Identity.Method == "password" && !users.Has(s.Identity.User) {
			return fmt.Errorf("user %q is no longer in the user file", s.Identity.User)
		}
		return nil
	})
	return nil
}

// withPassed returns c for a process that from was passed to: who passes a TLS
// listener wants TLS.
func withPassed(c *config.Server, from *inherit.Set) (*config.Server, error) {
	if c.TLS.On() || !from.Has(tlsKind) {
		return c, nil
	}
	if c.TLS.Enabled != nil {
		return nil, errors.New("server.tls.enabled is false, and systemd passed a socket for TLS")
	}
	with := *c
	with.TLS.Enabled = new(true)
	return &with, nil
}

// listen opens the listeners. Where there is none of a kind that systemd passed,
// and the configuration names none, there is a default.
func (v *service) listen(c *config.Server) (err error) {
	open := func(kind string) func(address string) ([]net.Listener, error) {
		return func(address string) ([]net.Listener, error) {
			l, err := v.opener(kind)(context.Background(), address)
			return []net.Listener{l}, err
		}
	}
	plain, secure := plainAddresses(c), secureAddresses(c)
	if len(c.Listen) == 0 && v.from.Has(plainKind) {
		plain = nil
	}
	if len(c.TLS.Listen) == 0 && v.from.Has(tlsKind) {
		secure = nil
	}
	if v.plain, err = listenAll(plain, open(plainKind)); err != nil {
		return err
	}
	if v.secure, err = listenAll(secure, open(tlsKind)); err != nil {
		closeAll(v.plain)
		return err
	}
	v.plain, v.secure = append(v.plain, v.passed(plainKind)...), append(v.secure, v.passed(tlsKind)...)
	return nil
}

// plainAddresses is where plain SOCKS is served: without TLS somewhere at least.
func plainAddresses(c *config.Server) []string {
	if len(c.Listen) == 0 && !c.TLS.On() {
		return []string{"127.0.0.1:1080"}
	}
	return c.Listen
}

// secureAddresses is where SOCKS inside TLS is served.
func secureAddresses(c *config.Server) []string {
	switch {
	case !c.TLS.On():
		return nil
	case len(c.TLS.Listen) == 0:
		return []string{defaultTLSAddress}
	}
	return c.TLS.Listen
}

func limitsOf(c config.Limits) server.Limits {
	return server.Limits{
		Handshake: c.Handshake.Duration, Connect: c.Connect.Duration, BindWait: c.Bind.Duration,
		UDPIdle: c.UDP.Duration, Idle: c.Idle.Duration, Warm: c.Warm.Duration,
		Conns: int(c.MaxConns), Handshakes: int(c.MaxHandshakes), ConnsPerIP: int(c.MaxConnsPerIP),
		LoginFailures: int(c.LoginFailures), LoginLock: c.LoginLock.Duration,
		User: server.Quota{
			Conns: int(c.PerUser.Conns), Binds: int(c.PerUser.Binds), Associations: int(c.PerUser.Associations),
			Bandwidth: c.PerUser.Bandwidth.Bytes, Datagrams: int(c.PerUser.Datagrams), Targets: int(c.PerUser.Targets),
		},
	}
}

// resolveHost returns the address of host, looked up once; none for "".
func resolveHost(host string) (netip.Addr, error) {
	if host == "" {
		return netip.Addr{}, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, err
	}
	return addrs[0].Unmap(), nil
}
