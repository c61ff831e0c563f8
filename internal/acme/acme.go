// Package acme has certificates issued and renewed by ACME (RFC 8555). A certificate
// authority asks for the names of a server by TLS-ALPN-01 (RFC 8737), which is to
// say by a handshake with the listener that the certificates are for: a [Manager] is
// what that listener asks, for its clients and for the authority.
//
// Accounts, certificates and challenges are files of a folder. Servers that share it
// share them: one asks for a certificate, whichever is connected to answers the
// authority, and all take it up.
package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
	"golang.org/x/net/idna"
)

// LetsEncrypt is the directory of the authority that is asked by default.
const LetsEncrypt = certmagic.LetsEncryptProductionCA

// interval is between two looks at what is due for renewal.
const interval = time.Minute

// ErrTerms is the error of a configuration that does not agree to the terms of its
// authority.
var ErrTerms = errors.New("its terms of service are not agreed to")

// Config says which certificates are wanted, from whom, and where they are kept.
type Config struct {
	Domains   []string       // host names, each with a certificate of its own; the first is shown to clients that ask for none of them
	Email     string         // that the authority may write to; may be empty
	Directory string         // URL of the authority; "" is LetsEncrypt
	Roots     *x509.CertPool // that the directory's own certificate is held against; nil is the system's
	Storage   string         // folder, which is made when it is missing
	Agreed    bool           // to the terms of the authority: required
	Log       *slog.Logger   // nil logs nothing
}

// Check returns what is wrong with c. Neither the folder nor the directory is
// looked at.
func (c Config) Check() error {
	_, err := c.complete()
	return err
}

// complete returns c with its defaults, and its domains as they are asked for.
func (c Config) complete() (Config, error) {
	if c.Directory == "" {
		c.Directory = LetsEncrypt
	}
	if u, err := url.Parse(c.Directory); err != nil || u.Scheme != "https" || u.Host == "" {
		return c, fmt.Errorf("directory %q: want an https URL", c.Directory)
	}
	if !c.Agreed {
		return c, fmt.Errorf("%s: %w", c.Directory, ErrTerms)
	}
	if c.Storage == "" {
		return c, errors.New("no folder to keep certificates in")
	}
	if len(c.Domains) == 0 {
		return c, errors.New("no domain")
	}
	var domains []string
	for _, domain := range c.Domains {
		name, err := hostName(domain)
		if err != nil {
			return c, err
		}
		if !slices.Contains(domains, name) {
			domains = append(domains, name)
		}
	}
	c.Domains = domains
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// hostName returns a domain as it is asked for in a handshake.
func hostName(domain string) (string, error) {
	if _, err := netip.ParseAddr(domain); err == nil {
		return "", fmt.Errorf("domain %q: an address, and certificates are for names", domain)
	}
	if strings.Contains(domain, "*") {
		return "", fmt.Errorf("domain %q: a certificate for many names takes another challenge than TLS-ALPN-01", domain)
	}
	name, err := idna.Lookup.ToASCII(domain)
	if err != nil || !certmagic.SubjectQualifiesForCert(name) {
		return "", fmt.Errorf("domain %q: not a host name", domain)
	}
	return name, nil
}

// Manager obtains certificates, renews them, and answers handshakes with them. It
// is a Source of package certs. What was obtained before is there from the start; the
// rest comes while Run is running.
type Manager struct {
	domains    []string
	config     *certmagic.Config
	cache      *certmagic.Cache
	challenges challenges
	log        *slog.Logger
	zap        *zap.Logger

	mu    sync.Mutex
	again chan struct{}    // closed, and replaced, when somebody wants everything tried at once
	wrong map[string]error // by domain, why there is no new certificate
}

// New reads the certificates that are in the storage. It is followed by Run, which
// ends what New begins.
func New(c Config) (*Manager, error) { return newManager(c, nil, interval) }

// newManager is New with an authority of a test's own, or nil, and the time between
// two looks.
func newManager(c Config, authority certmagic.Issuer, interval time.Duration) (*Manager, error) {
	c, err := c.complete()
	if err != nil {
		return nil, err
	}
	m := &Manager{domains: c.Domains, log: c.Log, zap: zap.New(core{c.Log.Handler()}), again: make(chan struct{}), wrong: make(map[string]error)}
	storage := &certmagic.FileStorage{Path: c.Storage}
	issuer := newIssuer(c, storage)
	m.challenges = issuer.challenges
	if authority == nil {
		authority = issuer
	}
	options := certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return m.config, nil },
		RenewCheckInterval: interval, Logger: m.zap,
	}
	m.cache = certmagic.NewCache(options)
	m.config = certmagic.New(m.cache, certmagic.Config{
		Issuers: []certmagic.Issuer{authority}, Storage: storage, Logger: m.zap, OnEvent: m.happened,
		OCSP: certmagic.OCSPConfig{DisableStapling: true}, // a start would wait for the responder
	})
	m.cache.SetOptions(options) // under its lock: the goroutine that it has by now sees m.config
	for _, domain := range m.domains {
		if err := m.load(domain); err != nil {
			m.cache.Stop()
			return nil, err
		}
	}
	return m, nil
}

// GetCertificate returns the certificate of the domain that a client asks for, and
// the first one's to a client that asks for none: what it makes of that is for its
// own verification.
func (m *Manager) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	domain := strings.ToLower(hello.ServerName)
	if !slices.Contains(m.domains, domain) {
		domain = m.domains[0]
	}
	cert, ok := m.current(domain)
	if !ok {
		return nil, m.missing(domain)
	}
	return &cert.Certificate, nil
}

// Challenge returns the answer to an authority that asks for a name, and an error
// when none has been asked to.
func (m *Manager) Challenge(name string) (*tls.Certificate, error) {
	name = strings.ToLower(name)
	if !slices.Contains(m.domains, name) {
		return nil, fmt.Errorf("asked for the name %q, which is none of ours", name)
	}
	cert, err := m.challenges.answer(context.Background(), name)
	if err == nil {
		m.log.Info("acme: an authority asked for a name, and was answered", "domain", name)
	}
	return cert, err
}

// Leaf returns, of the certificates in force, the one that ends first, and nil when
// there is none.
func (m *Manager) Leaf() (first *x509.Certificate) {
	for _, domain := range m.domains {
		cert, ok := m.current(domain)
		if ok && (first == nil || cert.Leaf.NotAfter.Before(first.NotAfter)) {
			first = cert.Leaf
		}
	}
	return first
}

// current returns the certificate of a domain; of several, as there are for a moment
// at a renewal, the one that ends last.
func (m *Manager) current(domain string) (last certmagic.Certificate, ok bool) {
	for _, cert := range m.cache.AllMatchingCertificates(domain) {
		if !ok || cert.Leaf.NotAfter.After(last.Leaf.NotAfter) {
			last, ok = cert, true
		}
	}
	return last, ok
}

// Ready returns why a client cannot be served: a domain without a certificate, or
// with one that has expired.
func (m *Manager) Ready() error {
	for _, domain := range m.domains {
		cert, ok := m.current(domain)
		if !ok {
			return m.missing(domain)
		}
		if end := cert.Leaf.NotAfter; time.Now().After(end) {
			return m.because(fmt.Errorf("the certificate of %s expired on %s", domain, end.Format(time.RFC3339)), domain)
		}
	}
	return nil
}

// missing is the error of a domain without a certificate.
func (m *Manager) missing(domain string) error {
	return m.because(fmt.Errorf("no certificate of %s yet", domain), domain)
}

// because returns err with what went wrong last.
func (m *Manager) because(err error, domain string) error {
	if wrong := m.lastOf(domain); wrong != nil {
		return fmt.Errorf("%w: %w", err, wrong)
	}
	return err
}
