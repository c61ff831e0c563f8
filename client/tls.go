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
	c := tls.Client(relay.NewRaw(s.raw), config)
	if err := bounded(ctx, s.deadline, s.raw, c.HandshakeContext); err != nil {
		return err
	}
	s.conn = c
	s.known = c.ConnectionState().NegotiatedProtocol == ALPN
	return nil
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
