package certs

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/socksctl/socksctl/internal/files"
)

// ClientAuth says whether a server wants client certificates. The zero value
// requires them when there is a CA to hold them against, and is
// [ClientAuthNone] otherwise.
type ClientAuth string

// What a server may want. A certificate that is given is always verified: a bad
// one is refused also where none is required.
const (
	ClientAuthNone    ClientAuth = "none"
	ClientAuthRequest ClientAuth = "request"
	ClientAuthRequire ClientAuth = "require"
)

// ServerConfig says what a server shows and what it asks for. Each thing comes
// from a file, which is read again on a reload, or from memory.
type ServerConfig struct {
	CertFile, KeyFile string           // PEM; an empty KeyFile: the key is in CertFile
	Certificate       *tls.Certificate // in place of the files

	ClientCAFile string
	ClientCAs    []*x509.Certificate // in place of the file
	CRLFile      string              // PEM or DER, signed by a client CA
	ClientAuth   ClientAuth

	MinVersion uint16   // 0 is TLS 1.2
	ALPN       []string // protocols, spoken only with a client that offers one of them: others are not refused
	Log        *slog.Logger
}

// Server is the TLS side of a server. Its methods may be called from many
// goroutines.
type Server struct {
	config ServerConfig
	tls    *tls.Config
	state  atomic.Pointer[serverState]

	reload sync.Mutex // one at a time
}

// serverState is what is in force, until the next reload.
type serverState struct {
	digest      [sha256.Size]byte
	certificate *tls.Certificate
	plain, alpn *tls.Config
}

// NewServer reads the files of config. Warnings about them go to its Log.
func NewServer(config ServerConfig) (*Server, error) {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{config: config}
	state, err := s.load()
	if err != nil {
		return nil, err
	}
	s.state.Store(state)
	warnOfPair(s.config.Log, s.config.CertFile, s.config.KeyFile, state.certificate)
	// This config has the ticket keys: crypto/tls takes them from here for the
	// ones that GetConfigForClient returns, so tickets outlive a reload.
	s.tls = state.plain.Clone()
	s.tls.GetConfigForClient = s.configFor
	return s, nil
}

// TLSConfig returns the config to serve with, the same one each time: what it
// does follows reloads. It is not to be changed. A clone of it works, and has
// ticket keys of its own.
func (s *Server) TLSConfig() *tls.Config { return s.tls }

// Certificate returns the certificate in force.
func (s *Server) Certificate() *x509.Certificate { return s.state.Load().certificate.Leaf }

// NotAfter returns when the certificate in force ends.
func (s *Server) NotAfter() time.Time { return s.Certificate().NotAfter }

// Reload reads the files again. On an error all that was in force stays so.
// Connections that are open are left alone.
func (s *Server) Reload() error {
	s.reload.Lock()
	defer s.reload.Unlock()
	state, err := s.load()
	if err != nil || state.digest == s.state.Load().digest {
		return err
	}
	s.state.Store(state)
	leaf := state.certificate.Leaf
	s.config.Log.Info("certificates reloaded", "subject", leaf.Subject.String(), "not_after", leaf.NotAfter)
	warnOfPair(s.config.Log, s.config.CertFile, s.config.KeyFile, state.certificate)
	return nil
}

// Watch calls Reload when the files change, until ctx ends; then it returns nil.
// A reload that fails is logged. An error means that files cannot be watched.
func (s *Server) Watch(ctx context.Context) error {
	c := s.config
	return watch(ctx, c.Log, named(c.CertFile, c.KeyFile, c.ClientCAFile, c.CRLFile), s.Reload)
}

func watch(ctx context.Context, log *slog.Logger, paths []string, reload func() error) error {
	last := ""
	return files.Watch(ctx, log, paths, func() {
		err := reload()
		if err == nil {
			last = ""
		} else if err.Error() != last { // once, not at every event in the directory
			last = err.Error()
			log.Warn("certificates not reloaded, the earlier ones stay in force", "err", err)
		}
	})
}

func (s *Server) configFor(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	state := s.state.Load()
	offered := func(proto string) bool { return slices.Contains(hello.SupportedProtos, proto) }
	if slices.ContainsFunc(s.config.ALPN, offered) {
		return state.alpn, nil
	}
	return state.plain, nil
}

func (s *Server) load() (*serverState, error) {
	c, m := s.config, newMaterial()
	cert, err := ownCertificate(m, c.Certificate, c.CertFile, c.KeyFile)
	if err != nil {
		return nil, err
	}
	if cert == nil {
		return nil, errors.New("no server certificate")
	}
	trust, err := c.trust(m)
	if err != nil {
		return nil, err
	}
	plain, err := baseConfig(c.MinVersion)
	if err != nil {
		return nil, err
	}
	plain.Certificates = []tls.Certificate{*cert}
	if trust != nil {
		plain.ClientAuth = tls.VerifyClientCertIfGiven
		if trust.required {
			plain.ClientAuth = tls.RequireAndVerifyClientCert
		}
		plain.ClientCAs, plain.VerifyConnection = trust.pool, trust.verify
	}
	alpn := plain.Clone()
	alpn.NextProtos = c.ALPN
	return &serverState{m.digest(), cert, plain, alpn}, nil
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
