package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/internal/acme"
	"github.com/socksctl/socksctl/internal/config"
)

// acmePort is the only one that certificate authorities connect to for a challenge
// by TLS (RFC 8737, section 3).
const acmePort = 443

var (
	errNoTLS   = errors.New("server.acme.domains: certificates are for TLS listeners, and there is none (--tls-listen)")
	errTwoCert = errors.New("server.acme.domains and server.tls.certificate_path (--acme-domain, --tls-cert): two certificates for the same listeners, of which one is enough")
	errNoKey   = errors.New("server.acme.domains and server.tls.private_key_path (--acme-domain, --tls-key): a certificate by ACME has a key of its own")
)

// acmeConfig is the part of the configuration that package acme understands; ok tells
// whether certificates are to be had by it.
func acmeConfig(c *config.Server, log *slog.Logger) (made acme.Config, ok bool, err error) {
	switch {
	case len(c.ACME.Domains) == 0:
		return made, false, nil
	case !c.TLS.On():
		return made, false, errNoTLS
	case c.TLS.CertificatePath != "":
		return made, false, errTwoCert
	case c.TLS.PrivateKeyPath != "":
		return made, false, errNoKey
	}
	made = acme.Config{
		Domains: c.ACME.Domains, Email: c.ACME.Email, Directory: c.ACME.Directory, Storage: c.ACME.Storage,
		Agreed: c.ACME.Agree, Log: log,
	}
	if made.Storage == "" {
		dir, err := stateDir()
		if err != nil {
			return made, false, fmt.Errorf("server.acme.storage: %w", err)
		}
		made.Storage = filepath.Join(dir, "acme")
	}
	if made.Roots, err = acmeRoots(c.ACME.CAPath); err != nil {
		return made, false, fmt.Errorf("server.acme.ca_path: %w", err)
	}
	err = made.Check()
	if errors.Is(err, acme.ErrTerms) {
		return made, false, fmt.Errorf("%w: read them, and set server.acme.agree (--acme-agree)", err)
	}
	if err != nil {
		return made, false, fmt.Errorf("server.acme: %w", err)
	}
	return made, true, nil
}

// acmeRoots returns the CAs in a file, and nil for no file.
func acmeRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	cas, err := certs.LoadCertificates(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	for _, ca := range cas {
		pool.AddCert(ca)
	}
	return pool, nil
}

// useACME returns where certificates come from that ACME issues, and nil where it
// does not.
func (v *service) useACME(c *config.Server) (certs.Source, error) {
	made, ok, err := acmeConfig(c, v.log)
	if err != nil || !ok {
		return nil, err
	}
	if v.acme, err = acme.New(made); err != nil {
		return nil, fmt.Errorf("server.acme.storage: %w", err)
	}
	v.ready = append(v.ready, v.acme.Ready)
	v.fence.writes = append(v.fence.writes, made.Storage)
	v.unseen = append(v.unseen, part{name: "ACME", prepare: func() (func(), error) {
		v.acme.Renew()
		return nil, nil
	}})
	return v.acme, nil
}

// warnOfPort says when no authority can ask for the names of v.
func (v *service) warnOfPort() {
	if v.acme == nil {
		return
	}
	for _, l := range v.secure {
		if tcp, ok := l.Addr().(*net.TCPAddr); ok && tcp.Port == acmePort {
			return
		}
	}
	v.log.Warn("acme: authorities connect to port 443, and no TLS listener is there: unless something passes that port on to one (--tls-listen), there will be no certificate")
}

// unissued is a source for a configuration that is only checked.
type unissued struct{}

var errUnissued = errors.New("no certificate is issued for a check")

func (unissued) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return nil, errUnissued
}
func (unissued) Challenge(string) (*tls.Certificate, error) { return nil, errUnissued }
func (unissued) Leaf() *x509.Certificate                    { return nil }

// checkACME returns what is wrong with the ACME of a configuration, and what stands
// for it in the rest of the check.
func checkACME(c *config.Server, log *slog.Logger) (certs.Source, error) {
	_, ok, err := acmeConfig(c, log)
	if !ok {
		return nil, err
	}
	return unissued{}, nil
}
