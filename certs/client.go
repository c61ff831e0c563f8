package certs

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ClientConfig says whom a client trusts and what it shows. Each thing comes
// from a file, which is read again on a reload, or from memory.
//
// With a CA (else the CAs of the system) the server's certificate is verified,
// and must carry the server's name. With pins beside a CA it must have one of
// them as well; with pins and no CA, a pin is all that counts: neither issuer
// nor name nor dates are looked at then.
type ClientConfig struct {
	CAFile string
	CAs    []*x509.Certificate // in place of the file

	CertFile, KeyFile string           // PEM, for a server that asks; an empty KeyFile: the key is in CertFile
	Certificate       *tls.Certificate // in place of the files

	ServerName string   // to verify in place of the name that was dialled
	Pins       []string // as [SPKIPin] gives them
	MinVersion uint16   // 0 is TLS 1.2
	Log        *slog.Logger

	// Built is when the program was built, if that is known: a clock that says
	// less is behind, and an error about dates says so.
	Built time.Time
}

// Client is the TLS side of a client. Its methods may be called from many
// goroutines.
type Client struct {
	config   ClientConfig
	base     *tls.Config
	pins     []spkiPin
	sessions sessions
	state    atomic.Pointer[clientState]

	reload sync.Mutex // one at a time
}

// clientState is what is in force, until the next reload.
type clientState struct {
	digest      [sha256.Size]byte
	certificate *tls.Certificate // nil: none to show
	cas         []*x509.Certificate
	roots       *x509.CertPool // of them; nil: those of the system
	verdicts    verdicts       // of the roots
}

// NewClient reads the files of config. Warnings about them go to its Log.
func NewClient(config ClientConfig) (*Client, error) {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	c := &Client{config: config}
	for _, pin := range config.Pins {
		parsed, err := parsePin(pin)
		if err != nil {
			return nil, err
		}
		c.pins = append(c.pins, parsed)
	}
	var err error
	if c.base, err = baseConfig(config.MinVersion); err != nil {
		return nil, err
	}
	state, err := c.load()
	if err != nil {
		return nil, err
	}
	c.state.Store(state)
	c.sessions.reset(false)
	warnOfPair(c.config.Log, c.config.CertFile, c.config.KeyFile, state.certificate)
	return c, nil
}

// TLSConfig returns a config to dial with, for the server called serverName, a
// DNS name or an IP address; the ServerName of the ClientConfig goes before it.
// What the config does follows reloads. It may be cloned, and given NextProtos;
// its ServerName is only what is sent, not what is verified.
func (c *Client) TLSConfig(serverName string) *tls.Config {
	if c.config.ServerName != "" {
		serverName = c.config.ServerName
	}
	config := c.base.Clone()
	config.ServerName = serverName
	config.ClientSessionCache = &c.sessions
	config.GetClientCertificate = c.clientCertificate
	// What crypto/tls would do with RootCAs is done in VerifyConnection, which
	// can follow a reload, runs for resumed sessions too, and knows pins.
	config.InsecureSkipVerify = true
	config.VerifyConnection = func(cs tls.ConnectionState) error { return c.verify(serverName, cs.PeerCertificates) }
	return config
}

// Reload reads the files again. On an error all that was in force stays so.
// Sessions are not resumed across a change.
func (c *Client) Reload() error {
	c.reload.Lock()
	defer c.reload.Unlock()
	return reload(c.Prepare)
}

// Prepare is the first half of a reload, for who has more to reload than this: it
// reads the files again, and commit takes them up. It is nil when they have not
// changed or cannot be used. Of several reloads at a time the last commit counts,
// so they are for the caller to keep apart.
func (c *Client) Prepare() (commit func(), err error) {
	state, err := c.load()
	if err != nil || state.digest == c.state.Load().digest {
		return nil, err
	}
	return func() {
		c.state.Store(state)
		c.sessions.reset(true)
		c.config.Log.Info("certificates reloaded")
		warnOfPair(c.config.Log, c.config.CertFile, c.config.KeyFile, state.certificate)
	}, nil
}

// Watch calls Reload when the files change, until ctx ends; then it returns nil.
// A reload that fails is logged. An error means that files cannot be watched.
func (c *Client) Watch(ctx context.Context) error {
	return watch(ctx, c.config.Log, named(c.config.CAFile, c.config.CertFile, c.config.KeyFile), c.Reload)
}

// Certificate returns the certificate that the client shows, and nil if it has
// none.
func (c *Client) Certificate() *x509.Certificate {
	if cert := c.state.Load().certificate; cert != nil {
		return cert.Leaf
	}
	return nil
}

func (c *Client) load() (*clientState, error) {
	m := newMaterial()
	cert, err := ownCertificate(m, c.config.Certificate, c.config.CertFile, c.config.KeyFile)
	if err != nil {
		return nil, err
	}
	cas := c.config.CAs
	if len(cas) == 0 && c.config.CAFile != "" {
		if cas, err = m.certificates("CA", c.config.CAFile); err != nil {
			return nil, err
		}
	}
	state := &clientState{digest: m.digest(), certificate: cert, cas: cas}
	if len(cas) > 0 {
		state.roots = poolOf(cas)
	}
	return state, nil
}

// clientCertificate shows the certificate whatever CAs the server names: that
// it refuses ours then says more than that we gave none.
func (c *Client) clientCertificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	if cert := c.state.Load().certificate; cert != nil {
		return cert, nil
	}
	return new(tls.Certificate), nil
}

func (c *Client) verify(name string, chain []*x509.Certificate) error {
	if len(chain) == 0 {
		return &Error{Reason: ReasonOther, Err: errors.New("the server shows no certificate")}
	}
	pin, state := pinOf(chain[0]), c.state.Load()
	if state.roots != nil || len(c.pins) == 0 {
		if name == "" {
			return &Error{Reason: ReasonWrongName, Err: errors.New("no name to verify the server's certificate for")}
		}
		if err := state.verify(name, chain); err != nil {
			return c.distrust(name, chain[0]).explain(err)
		}
	}
	if len(c.pins) > 0 && !slices.Contains(c.pins, pin) {
		err := fmt.Errorf("the server's certificate has the pin %s, which is not the one expected", formatPin(pin))
		hint := "\"socksctl cert show\" on the server prints the pin to expect; if that is not the one here, something on the way opens TLS"
		return &Error{ReasonPinMismatch, hint, err}
	}
	return nil
}

// verify verifies chain for name. Against CAs of the system that is done each
// time: these are not ours to know the changes of.
func (s *clientState) verify(name string, chain []*x509.Certificate) error {
	key := keyOf(name, chain)
	if s.roots != nil && s.verdicts.recall(key) != nil {
		return nil
	}
	opts := x509.VerifyOptions{Roots: s.roots, DNSName: name, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	chains, err := verifyChain(chain, opts)
	if err == nil && s.roots != nil {
		s.verdicts.remember(key, chain, chains)
	}
	return err
}

// distrust returns what there is to know about a certificate that will not do.
func (c *Client) distrust(name string, leaf *x509.Certificate) distrust {
	d := distrust{leaf: leaf, name: name, cas: c.state.Load().cas, now: time.Now(), past: dated{"this program", c.config.Built}}
	for _, file := range named(c.config.CAFile, c.config.CertFile) {
		if info, err := os.Stat(file); err == nil && info.ModTime().After(d.past.at) {
			d.past = dated{file, info.ModTime()}
		}
	}
	return d
}
