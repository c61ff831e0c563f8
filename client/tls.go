package client

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/internal/relay"
)

// secure puts TLS on the connection, over a conn that tells an end without
// close_notify from one with it.
func (s *session) secure(ctx context.Context, config *tls.Config) error {
	shown := showing(config)
	c := tls.Client(relay.NewRaw(s.raw), config)
	if err := bounded(ctx, s.deadline, s.raw, c.HandshakeContext); err != nil {
		return err
	}
	s.conn = c
	state := c.ConnectionState()
	s.known = state.NegotiatedProtocol == ALPN
	if !state.DidResume { // a resumed session stands for the certificate that began it
		s.d.shown.Store(*shown)
	}
	return nil
}

// showing has config note that the proxy asked for a certificate, and got one.
// What it gets is what crypto/tls would show.
func showing(config *tls.Config) *bool {
	shown := new(bool)
	show := config.GetClientCertificate
	if show == nil {
		show = func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) { return fitting(config, asked) }
	}
	config.GetClientCertificate = func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		c, err := show(asked)
		*shown = err == nil && len(c.Certificate) > 0
		return c, err
	}
	return shown
}

// fitting returns the first certificate of config that the proxy takes, or an
// empty one.
func fitting(config *tls.Config, asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	for i := range config.Certificates {
		if asked.SupportsCertificate(&config.Certificates[i]) == nil {
			return &config.Certificates[i], nil
		}
	}
	return new(tls.Certificate), nil
}

// tlsConfig returns a copy of TLS with what a Dialer adds.
func (d *Dialer) tlsConfig(offerALPN bool) *tls.Config {
	c := d.TLS.Clone()
	if c.ServerName == "" {
		c.ServerName = d.host()
	}
	if c.ClientSessionCache == nil {
		d.sessions.Do(func() { d.cache = tls.NewLRUClientSessionCache(0) })
		c.ClientSessionCache = d.cache
	}
	if offerALPN {
		c.NextProtos = append([]string{ALPN}, c.NextProtos...)
	}
	return c
}

// host returns the host in Address; that of a unix socket is this one.
func (d *Dialer) host() string {
	if d.Network == "unix" {
		return "localhost"
	}
	host, _, err := net.SplitHostPort(d.Address)
	if err != nil {
		return d.Address
	}
	return host
}

// refusesALPN tells whether the proxy ended the handshake with the alert "no
// application protocol" (RFC 7301, section 3.2).
func refusesALPN(err error) bool {
	const noApplicationProtocol = 120
	alert, ok := certs.Alert(err)
	return ok && alert == noApplicationProtocol
}
