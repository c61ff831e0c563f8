package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
)

// serverState is what is in force, until the next reload.
type serverState struct {
	certificate    *tls.Certificate  // nil: there is a Source
	trust          *trust            // nil: client certificates are not asked for
	certSum, caSum [sha256.Size]byte // of the files of each
	plain, alpn    *tls.Config
	challenge      *tls.Config // nil: there is no Source
}

// load reads all that there is. What cannot be used is as in old, and without an
// old one there is no state.
func (s *Server) load(old *serverState) (*serverState, error) {
	state := *old
	m := newMaterial()
	cert, certErr := s.config.own(m)
	if certErr == nil {
		state.certificate, state.certSum = cert, m.digest()
	}
	m = newMaterial()
	trust, caErr := s.config.trust(m)
	if caErr == nil {
		state.trust, state.caSum = trust, m.digest()
	}
	err := errors.Join(certErr, caErr)
	if certErr != nil && state.certificate == nil || caErr != nil && old.plain == nil {
		return nil, err
	}
	base, baseErr := baseConfig(s.config.MinVersion)
	if baseErr != nil {
		return nil, baseErr
	}
	if s.config.Source != nil {
		state.challenge = s.config.challenge(base)
		base.GetCertificate = s.config.Source.GetCertificate
	}
	state.plain = state.over(base)
	state.alpn = state.plain.Clone()
	state.alpn.NextProtos = s.config.ALPN
	return &state, err
}

// over returns base with what is in force.
func (s *serverState) over(base *tls.Config) *tls.Config {
	if s.certificate != nil {
		base.Certificates = []tls.Certificate{*s.certificate}
	}
	if s.trust == nil {
		return base
	}
	base.ClientAuth = tls.VerifyClientCertIfGiven
	if s.trust.required {
		base.ClientAuth = tls.RequireAndVerifyClientCert
	}
	base.ClientCAs, base.VerifyConnection = s.trust.pool, s.trust.verify
	return base
}

// own returns the certificate to show; that there is none is an error, unless
// there is a Source.
func (c *ServerConfig) own(m *material) (*tls.Certificate, error) {
	if c.Source != nil {
		if c.Certificate != nil || c.CertFile != "" || c.KeyFile != "" {
			return nil, errTwoSources
		}
		return nil, nil
	}
	cert, err := ownCertificate(m, c.Certificate, c.CertFile, c.KeyFile)
	if err == nil && cert == nil {
		err = errors.New("no server certificate")
	}
	return cert, err
}

// ownCertificate returns what is in memory, or in the files, or nil for neither.
func ownCertificate(m *material, cert *tls.Certificate, certFile, keyFile string) (*tls.Certificate, error) {
	switch {
	case cert == nil && certFile == "" && keyFile != "":
		return nil, fmt.Errorf("private key %s: no certificate beside it", keyFile)
	case cert == nil && certFile != "":
		return m.pair(certFile, keyFile)
	case cert == nil || cert.Leaf != nil:
		return cert, nil
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return nil, err
	}
	parsed := *cert
	parsed.Leaf = leaf
	return &parsed, nil
}

// trust returns nil when no client certificates are wanted.
func (c *ServerConfig) trust(m *material) (*trust, error) {
	auth := c.ClientAuth
	hasCA := c.ClientCAFile != "" || len(c.ClientCAs) > 0
	switch {
	case auth == "" && hasCA:
		auth = ClientAuthRequire
	case auth == "":
		auth = ClientAuthNone
	case auth != ClientAuthNone && auth != ClientAuthRequest && auth != ClientAuthRequire:
		return nil, fmt.Errorf("client authentication %q: want none, request or require", string(auth))
	}
	if auth == ClientAuthNone && c.CRLFile == "" {
		return nil, nil
	}
	if auth == ClientAuthNone || !hasCA {
		return nil, fmt.Errorf("client authentication %q needs a client CA, and so does a CRL", string(auth))
	}
	t := &trust{cas: c.ClientCAs, required: auth == ClientAuthRequire, log: c.Log}
	var err error
	if len(t.cas) == 0 {
		if t.cas, err = m.certificates("client CA", c.ClientCAFile); err != nil {
			return nil, err
		}
	}
	t.pool = poolOf(t.cas)
	if c.CRLFile == "" {
		return t, nil
	}
	data, err := m.read("CRL", c.CRLFile)
	if err != nil {
		return nil, err
	}
	t.revoked, err = parseCRL(c.CRLFile, data, t.cas)
	return t, err
}
