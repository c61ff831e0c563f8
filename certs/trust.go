package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
)

// trust is what a server asks of client certificates.
type trust struct {
	cas      []*x509.Certificate
	pool     *x509.CertPool
	revoked  *revocations // nil when there is no list
	required bool
	log      *slog.Logger
}

// verify judges a connection, resumed ones too: they bring the certificate of
// the handshake long ago, which crypto/tls does not hold against a CRL, nor
// older versions of it against the CA now in force.
func (t *trust) verify(cs tls.ConnectionState) error {
	if len(cs.PeerCertificates) == 0 {
		if t.required {
			return &Error{Reason: ReasonNoCertificate, Err: errors.New("no client certificate")}
		}
		return nil
	}
	chains := cs.VerifiedChains
	if cs.DidResume || len(chains) == 0 {
		var err error
		if chains, err = verifyChain(cs.PeerCertificates, t.pool, x509.ExtKeyUsageClientAuth, ""); err != nil {
			return &Error{Reason: Reason(err), Err: err}
		}
	}
	if t.revoked == nil {
		return nil
	}
	return t.revoked.check(chains, t.log)
}

// verifyChain verifies the first of certs against roots, by way of the others.
func verifyChain(certs []*x509.Certificate, roots *x509.CertPool, usage x509.ExtKeyUsage, name string) ([][]*x509.Certificate, error) {
	opts := x509.VerifyOptions{
		Roots:         roots,
		Intermediates: x509.NewCertPool(),
		DNSName:       name,
		KeyUsages:     []x509.ExtKeyUsage{usage},
	}
	for _, cert := range certs[1:] {
		opts.Intermediates.AddCert(cert)
	}
	return certs[0].Verify(opts)
}

func poolOf(certs []*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, cert := range certs {
		pool.AddCert(cert)
	}
	return pool
}
