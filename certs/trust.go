package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"time"
)

// trust is what a server asks of client certificates.
type trust struct {
	cas      []*x509.Certificate
	pool     *x509.CertPool
	revoked  *revocations // nil when there is no list
	required bool
	log      *slog.Logger
	verdicts verdicts // of the pool
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
	key := keyOf("", cs.PeerCertificates)
	known := t.verdicts.recall(key)
	if cs.DidResume && known != nil && t.unrevoked(known.chains, nil) == nil {
		return nil
	}
	chains, err := cs.VerifiedChains, error(nil)
	if cs.DidResume || len(chains) == 0 {
		chains, err = t.chains(cs, time.Time{})
	}
	if err = t.unrevoked(chains, err); err != nil {
		return err
	}
	if known == nil {
		t.verdicts.remember(key, cs.PeerCertificates, chains)
	} else {
		known.share(cs)
	}
	return nil
}

// verifyAgain judges a connection that was let in earlier. Where the certificate
// or its CA is out of date by now, that it was not is enough.
func (t *trust) verifyAgain(cs tls.ConnectionState, since time.Time) error {
	if len(cs.PeerCertificates) == 0 {
		return t.verify(cs)
	}
	chains, err := t.chains(cs, time.Time{})
	if Reason(err) == ReasonExpired {
		chains, err = t.chains(cs, since)
	}
	return t.unrevoked(chains, err)
}

// chains verifies the peer of cs at a time, the zero Time being now.
func (t *trust) chains(cs tls.ConnectionState, at time.Time) ([][]*x509.Certificate, error) {
	opts := x509.VerifyOptions{Roots: t.pool, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	return verifyChain(cs.PeerCertificates, opts)
}

// unrevoked goes on from chains and the error that came with them.
func (t *trust) unrevoked(chains [][]*x509.Certificate, err error) error {
	switch {
	case err != nil:
		return &Error{Reason: Reason(err), Err: err}
	case t.revoked == nil:
		return nil
	}
	return t.revoked.check(chains, t.log)
}

// verifyChain verifies the first of certs, by way of the others.
func verifyChain(certs []*x509.Certificate, opts x509.VerifyOptions) ([][]*x509.Certificate, error) {
	opts.Intermediates = x509.NewCertPool()
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
