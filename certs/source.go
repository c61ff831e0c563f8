package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
)

// ALPNChallenge is the protocol by which a certificate authority asks a server
// whether a name is its own (RFC 8737). Nothing is spoken under it: what it wants
// to know is in the certificate of the handshake.
const ALPNChallenge = "acme-tls/1"

// Source gives certificates that change by themselves, such as those that are
// renewed by ACME (RFC 8555). Its methods may be called from many goroutines.
type Source interface {
	// GetCertificate returns what a client is shown. An error ends its handshake.
	GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error)
	// Challenge returns what a certificate authority is shown that asks for a name,
	// and an error unless the source has that name in question just now.
	Challenge(name string) (*tls.Certificate, error)
	// Leaf returns the certificate in force, of several the one that ends first, and
	// nil while there is none.
	Leaf() *x509.Certificate
}

var errTwoSources = errors.New("a server certificate, and a source of others: one of them is enough")

// isChallenge tells whether a client is a certificate authority that asks for a
// name: it offers that protocol and no other (RFC 8737, section 3).
func isChallenge(hello *tls.ClientHelloInfo) bool {
	return slices.Equal(hello.SupportedProtos, []string{ALPNChallenge})
}

// challenge returns the config for such a handshake. Whoever makes one has no
// certificate, and is not let in: it gets no ticket to resume as somebody else.
func (c *ServerConfig) challenge(base *tls.Config) *tls.Config {
	config := base.Clone()
	config.NextProtos, config.SessionTicketsDisabled = []string{ALPNChallenge}, true
	config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		return c.Source.Challenge(hello.ServerName)
	}
	return config
}
