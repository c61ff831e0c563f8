package client

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"reflect"

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

// alertNoApplicationProtocol is the alert of RFC 7301, section 3.2.
const alertNoApplicationProtocol = 120

// alertOf returns the number of the alert that the proxy ended TLS with, and 0
// when there was none. crypto/tls does not export the type that it has.
func alertOf(err error) uint8 {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return 0
	}
	if v := reflect.ValueOf(op.Err); v.Kind() == reflect.Uint8 {
		return uint8(v.Uint())
	}
	return 0
}
