package acme

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/socksctl/socksctl/certs"
)

var _ certs.Source = (*Manager)(nil)

func TestMain(m *testing.M) {
	// A lock that was given back is looked at once more, seconds later.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh"))
}

func TestConfig(t *testing.T) {
	good := Config{Domains: []string{"proxy.example"}, Storage: "x", Agreed: true}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*Config){
		"terms of service":          func(c *Config) { c.Agreed = false },
		"no domain":                 func(c *Config) { c.Domains = nil },
		"no folder":                 func(c *Config) { c.Storage = "" },
		"an address":                func(c *Config) { c.Domains = []string{"192.0.2.1"} },
		"another challenge":         func(c *Config) { c.Domains = []string{"*.example"} },
		`"a/../b": not a host name`: func(c *Config) { c.Domains = []string{"proxy.example", "a/../b"} },
		`"": not a host name`:       func(c *Config) { c.Domains = []string{""} },
		"want an https URL":         func(c *Config) { c.Directory = "http://acme.example/dir" },
	} {
		c := good
		change(&c)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	c, err := Config{Domains: []string{"Proxy.EXAMPLE", "bücher.example", "proxy.example"}, Storage: "x", Agreed: true}.complete()
	if got := strings.Join(c.Domains, " "); err != nil || got != "proxy.example xn--bcher-kva.example" || c.Directory != LetsEncrypt {
		t.Errorf("got %q, %q, %v", got, c.Directory, err)
	}
}

// signer is an authority that signs whatever it is asked to.
type signer struct {
	ca    *certs.CA
	fails chan error         // what it says first
	ends  chan time.Duration // from now, of the certificates that it issues first; then a month
}

func newSigner(t *testing.T) *signer {
	t.Helper()
	ca, err := certs.NewCA("acme", certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &signer{ca: ca, fails: make(chan error, 10), ends: make(chan time.Duration, 10)}
}

func (s *signer) IssuerKey() string { return "signer" }

func (s *signer) Issue(_ context.Context, csr *x509.CertificateRequest) (*certmagic.IssuedCertificate, error) {
	left := 30 * 24 * time.Hour
	select {
	case err := <-s.fails:
		return nil, err
	case left = <-s.ends:
	default:
	}
	template := &x509.Certificate{
		DNSNames: csr.DNSNames, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(left), SerialNumber: s.ca.Certificate.SerialNumber,
	}
	der, err := x509.CreateCertificate(nil, template, s.ca.Certificate, csr.PublicKey, s.ca.Key)
	return &certmagic.IssuedCertificate{Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}, err
}

// manage returns a Manager that has certificates from s; it runs until the test ends.
func manage(t *testing.T, s *signer, storage string, domains ...string) *Manager {
	t.Helper()
	return manageEvery(t, interval, s, storage, domains...)
}

// manageEvery is manage with a time between two looks.
func manageEvery(t *testing.T, interval time.Duration, s *signer, storage string, domains ...string) *Manager {
	t.Helper()
	m, err := newManager(Config{Domains: domains, Storage: storage, Agreed: true}, s, interval)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return m
}

// await waits until a Manager says that it is ready, or not for that reason.
func await(t *testing.T, m *Manager, reason string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; {
		err := m.Ready()
		if reason == "" && err == nil || reason != "" && err != nil && strings.Contains(err.Error(), reason) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("got %v, want %q", err, reason)
		}
	}
}

// shown returns the names in the certificate that a client is shown.
func shown(m *Manager, name string) string {
	c, err := m.GetCertificate(&tls.ClientHelloInfo{ServerName: name})
	if err != nil {
		return err.Error()
	}
	return strings.Join(c.Leaf.DNSNames, " ")
}

func TestManager(t *testing.T) {
	s, storage := newSigner(t), t.TempDir()
	s.fails <- errors.New("not today")
	m := manage(t, s, storage, "a.example", "b.example")
	await(t, m, "no certificate of ")
	await(t, m, ".example yet: not today")
	m.Renew()
	await(t, m, "")
	for name, want := range map[string]string{"a.example": "a.example", "B.example": "b.example", "": "a.example", "c.example": "a.example"} {
		if got := shown(m, name); got != want {
			t.Errorf("%q is shown %q, want %q", name, got, want)
		}
	}
	// Another finds them in the storage.
	s.fails <- errors.New("asked again")
	other := manage(t, s, storage, "a.example", "b.example")
	if err := other.Ready(); err != nil || other.Leaf() == nil || !other.Leaf().Equal(m.Leaf()) {
		t.Errorf("the next one: got %v", err)
	}
	if len(s.fails) == 0 {
		t.Error("it asked for a certificate")
	}
}

// What fails is tried again, after twice as long each time, or as soon as somebody
// asks; then it is as at first.
func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(10 * time.Second) }) // locks that were given back are looked at once more
		s, began := newSigner(t), time.Now()
		for range 8 {
			s.fails <- errors.New("not today")
		}
		m := manage(t, s, t.TempDir(), "a.example")
		sleep := func(left int, want time.Duration) {
			t.Helper()
			for len(s.fails) > left {
				time.Sleep(time.Second)
			}
			if got := time.Since(began).Truncate(time.Minute); got != want {
				t.Errorf("with %d failures left: got %v, want %v", left, got, want)
			}
		}
		sleep(7, 0)
		sleep(6, time.Minute)
		sleep(5, 3*time.Minute)
		sleep(4, 7*time.Minute)
		m.Renew()
		sleep(3, 7*time.Minute)
		sleep(2, 8*time.Minute)
		sleep(1, 10*time.Minute)
		sleep(0, 14*time.Minute)
		for m.Ready() != nil {
			time.Sleep(time.Second)
		}
		if got, want := time.Since(began).Truncate(time.Minute), 22*time.Minute; got != want {
			t.Errorf("ready after %v, want %v", got, want)
		}
	})
}

// What is about to end is renewed, and what has ended is no reason to be ready.
func TestRenewal(t *testing.T) {
	for _, left := range []time.Duration{time.Minute, -time.Minute} {
		s := newSigner(t)
		s.ends <- left
		m := manage(t, s, t.TempDir(), "a.example")
		want := ""
		if left < 0 {
			want = "the certificate of a.example expired on "
		}
		await(t, m, want)
		s.fails <- errors.New("not today")
		awaitMonth(t, m, m.Renew)
		if got := len(m.cache.AllMatchingCertificates("a.example")); got != 1 {
			t.Errorf("%d certificates are kept, want the new one", got)
		}
	}
}

// Nobody has to ask for a renewal, and a server that shares the storage takes it up.
func TestRenewalByItself(t *testing.T) {
	s, storage := newSigner(t), t.TempDir()
	s.ends <- time.Minute
	other := manage(t, s, storage, "a.example")
	await(t, other, "")
	m := manageEvery(t, 10*time.Millisecond, s, storage, "a.example")
	awaitMonth(t, m, func() {})
	awaitMonth(t, other, other.Renew)
	if !m.Leaf().Equal(other.Leaf()) {
		t.Error("they have two certificates")
	}
}

// awaitMonth waits for a certificate that is good for long, and does something until
// then.
func awaitMonth(t *testing.T, m *Manager, meanwhile func()) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); m.Leaf() == nil || time.Until(m.Leaf().NotAfter) < 24*time.Hour; meanwhile() {
		if time.Now().After(end) {
			t.Fatalf("no new certificate came (%v)", m.Ready())
		}
	}
}

func TestChallenge(t *testing.T) {
	s, storage := newSigner(t), t.TempDir()
	m, other := manage(t, s, storage, "a.example"), manage(t, s, storage, "a.example")
	asked := acme.Challenge{
		Type: acme.ChallengeTypeTLSALPN01, Token: "token", KeyAuthorization: "token.thumbprint",
		Identifier: acme.Identifier{Type: "dns", Value: "a.example"},
	}
	if c, err := m.Challenge("a.example"); c != nil || err == nil {
		t.Errorf("before it is asked for: got %v, %v", c, err)
	}
	if err := m.challenges.Present(t.Context(), asked); err != nil {
		t.Fatal(err)
	}
	for _, one := range []*Manager{m, other} { // whichever the authority comes to
		c, err := one.Challenge("A.example")
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(c.Certificate[0])
		if err != nil || strings.Join(leaf.DNSNames, " ") != "a.example" || leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) != nil {
			t.Errorf("got a certificate of %v, %v, want a self-signed one of a.example", leaf.DNSNames, err)
		}
	}
	for _, name := range []string{"b.example", "", "../a.example"} {
		if c, err := m.Challenge(name); c != nil || err == nil {
			t.Errorf("%q: got %v, %v", name, c, err)
		}
	}
	if err := m.challenges.CleanUp(t.Context(), asked); err != nil {
		t.Fatal(err)
	}
	if c, err := m.Challenge("a.example"); c != nil || err == nil {
		t.Errorf("after it was: got %v, %v", c, err)
	}
}

// An account is kept, is for its owner's eyes alone, and another address is another.
func TestAccountIsStored(t *testing.T) {
	storage := &certmagic.FileStorage{Path: t.TempDir()}
	a := newIssuer(Config{Directory: LetsEncrypt, Email: "Operator@example.org"}, storage).accounts
	if _, err := a.stored(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v, want none", err)
	}
	key, err := certmagic.StandardKeyGenerator{KeyType: certmagic.P256}.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	text, err := certmagic.PEMEncodePrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string][]byte{a.keyFile(): text, a.file(): []byte(`{"status":"valid","location":"https://acme.example/1"}`)} {
		if err := storage.Store(t.Context(), file, content); err != nil {
			t.Fatal(err)
		}
	}
	account, err := a.stored(t.Context())
	if err != nil || account.Location != "https://acme.example/1" || account.PrivateKey == nil {
		t.Errorf("got %+v, %v", account, err)
	}
	b := a
	b.email = "other@example.org"
	if _, err := b.stored(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("another address: got %v, want none", err)
	}
	if err := storage.Store(t.Context(), a.keyFile(), []byte("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := a.stored(t.Context()); err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), filepath.Base(a.keyFile())) {
		t.Errorf("a damaged key: got %v", err)
	}
	if err := a.forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := a.stored(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("forgotten: got %v, want none", err)
	}
}

func TestLog(t *testing.T) {
	var said bytes.Buffer
	handler := slog.NewTextHandler(&said, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	log := zap.New(core{handler}).With(zap.String("issuer", "x"))
	log.Info("a step")
	log.Warn("look here", zap.Int("n", 3), zap.Duration("after", time.Second))
	log.Named("renew").Error("no", zap.Error(errors.New("because")), zap.Strings("names", []string{"a", "b"}), zap.Skip())
	const want = `level=WARN msg="acme: look here" issuer=x n=3 after=1s
level=ERROR msg="acme: no" issuer=x error=because names="[a b]"
`
	if got := said.String(); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}
