package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
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
	Source            Source           // in place of both

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

// NewServer reads the files of config. Warnings about them go to its Log.
func NewServer(config ServerConfig) (*Server, error) {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{config: config}
	state, err := s.load(new(serverState))
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

// Certificate returns the certificate in force. It is nil while a Source has none.
func (s *Server) Certificate() *x509.Certificate {
	if s.config.Source != nil {
		return s.config.Source.Leaf()
	}
	return s.state.Load().certificate.Leaf
}

// NotAfter returns when the certificate in force ends, and the zero time while there
// is none.
func (s *Server) NotAfter() time.Time {
	if leaf := s.Certificate(); leaf != nil {
		return leaf.NotAfter
	}
	return time.Time{}
}

// Verify tells whether a connection would be let in by what is in force now:
// its certificate against the client CA and the CRL. Of the dates it is enough
// that they held at since, when it was made: a certificate that ends does not end
// the connections that it opened.
func (s *Server) Verify(cs tls.ConnectionState, since time.Time) error {
	trust := s.state.Load().trust
	if trust == nil {
		return nil
	}
	return trust.verifyAgain(cs, since)
}

// Reload reads the files again and takes up what can be used of them, as Prepare
// says. Connections that are open are left alone.
func (s *Server) Reload() error {
	s.reload.Lock()
	defer s.reload.Unlock()
	return reload(s.Prepare)
}

// Prepare is the first half of a reload, for who has more to reload than this: it
// reads the files again, and commit takes them up. The certificate with its key,
// and the client CA with the CRL, are each good or bad by themselves: err says
// which cannot be used and stays as it was, and commit takes up the other. It is
// nil when that has not changed. Of several reloads at a time the last commit
// counts, so they are for the caller to keep apart.
func (s *Server) Prepare() (commit func(), err error) {
	old := s.state.Load()
	state, err := s.load(old)
	if state == nil || state.certSum == old.certSum && state.caSum == old.caSum {
		return nil, err
	}
	return func() {
		s.state.Store(state)
		if leaf := s.Certificate(); leaf != nil {
			s.config.Log.Info("certificates reloaded", "subject", leaf.Subject.String(), "not_after", leaf.NotAfter)
		}
		if state.certSum != old.certSum {
			warnOfPair(s.config.Log, s.config.CertFile, s.config.KeyFile, state.certificate)
		}
	}, err
}

// reload is prepare and its commit.
func reload(prepare func() (func(), error)) error {
	commit, err := prepare()
	if commit != nil {
		commit()
	}
	return err
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
	if state.challenge != nil && isChallenge(hello) {
		return state.challenge, nil
	}
	offered := func(proto string) bool { return slices.Contains(hello.SupportedProtos, proto) }
	if slices.ContainsFunc(s.config.ALPN, offered) {
		return state.alpn, nil
	}
	return state.plain, nil
}
