package certs_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/socksctl/socksctl/certs"
)

// What is wrong with a server's certificate is said with what tells causes apart,
// and with what to do.
func TestDistrust(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Now()
	ca, other, namesake := newCA(t, "net"), newCA(t, "inspector"), newCA(t, "net")
	old := ended(t, ca, now.Add(-9*day))
	made := func(ca *certs.CA, o certs.Options, hosts ...string) *tls.Certificate {
		return pairOf(t)(ca.Server(hosts, o)).TLS()
	}
	trusts := func(ca *certs.CA) certs.ClientConfig {
		return certs.ClientConfig{CAs: []*x509.Certificate{ca.Certificate}}
	}
	early := certs.Options{NotBefore: now.Add(3 * day)}
	built := trusts(ca)
	built.Built = now.Add(2 * day)
	for name, tt := range map[string]struct {
		client             certs.ClientConfig
		server             *tls.Certificate
		reason, says, hint string
	}{
		"expired":            {trusts(ca), made(ca, certs.Options{NotBefore: now.Add(-9 * day), Validity: day}, "localhost"), certs.ReasonExpired, "the server's certificate expired 8 days ago: ", "unless this host's clock is wrong: it says 20"},
		"expired CA":         {trusts(old), made(ca, certs.Options{}, "localhost"), certs.ReasonExpired, "the CA of the server's certificate expired 9 days ago: ", "make a CA and certificates of it anew"},
		"early":              {trusts(ca), made(ca, early, "localhost"), certs.ReasonNotYetValid, "is not valid yet, it begins in 3 days: ", "if that is late, set it; if not, the clock where the certificate was made is ahead"},
		"late clock":         {built, made(ca, early, "localhost"), certs.ReasonNotYetValid, "is not valid yet, it begins in 3 days: ", "this host's clock is behind: it says "},
		"wrong name":         {trusts(ca), made(ca, certs.Options{}, "*.wild.test", "proxy.test"), certs.ReasonWrongName, "valid for *.wild.test, proxy.test, not localhost", "give --server-name proxy.test; else make a certificate with \"socksctl cert server --host localhost\""},
		"wrong address":      {trusts(ca), made(ca, certs.Options{}, "192.0.2.1"), certs.ReasonWrongName, "localhost", "give --server-name 192.0.2.1;"},
		"wild":               {trusts(ca), made(ca, certs.Options{}, "*.wild.test"), certs.ReasonWrongName, "not localhost", "give the right one with --server-name"},
		"foreign":            {trusts(ca), made(other, certs.Options{}, "localhost"), certs.ReasonForeignCA, `it has the right name and a foreign issuer, "CN=inspector"`, "something on the way may open TLS"},
		"namesake":           {trusts(ca), made(namesake, certs.Options{}, "localhost"), certs.ReasonUnknownCA, `its issuer "CN=net" has the name of the CA given, and another key`, "take ca.crt from where"},
		"no CA":              {certs.ClientConfig{}, made(ca, certs.Options{}, "localhost"), certs.ReasonUnknownCA, `its issuer is "CN=net"`, "if it should be of a public CA, then something on the way opens TLS"},
		"by itself":          {trusts(other), selfSigned(t, "localhost").TLS(), certs.ReasonUnknownCA, "signed by itself", "give its CA with --ca, or trust it by --pin sha256/"},
		"by itself, unnamed": {trusts(other), selfSigned(t).TLS(), certs.ReasonWrongName, "not valid for any names", "it names no host: trust it by --pin sha256/"},
		"usage":              {trusts(ca), pairOf(t)(ca.Client("alice", certs.Options{Names: []string{"localhost"}})).TLS(), certs.ReasonKeyUsage, "usage", "not meant for servers"},
		"pin":                {certs.ClientConfig{Pins: []string{"sha256/" + strings.Repeat("A", 43) + "="}}, made(ca, certs.Options{}, "localhost"), certs.ReasonPinMismatch, "has the pin sha256/", "prints the pin to expect"},
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, certs.ServerConfig{Certificate: tt.server})
			o := meet(t, server.TLSConfig(), newClient(t, tt.client).TLSConfig("localhost"))
			got, ok := errors.AsType[*certs.Error](o.clientErr)
			if !ok {
				t.Fatalf("got %v, want a *certs.Error", o.clientErr)
			}
			if got.Reason != tt.reason || !strings.Contains(got.Err.Error(), tt.says) || !strings.Contains(got.Hint, tt.hint) {
				t.Errorf("got %s: %v; hint: %s\nwant %s: %s; hint: %s", got.Reason, got.Err, got.Hint, tt.reason, tt.says, tt.hint)
			}
		})
	}
}

// selfSigned is a certificate that has no CA.
func selfSigned(t *testing.T, hosts ...string) *certs.Pair {
	t.Helper()
	pair := newCA(t, "box").Pair
	tpl := *pair.Certificate
	tpl.IsCA, tpl.MaxPathLenZero, tpl.DNSNames = false, false, hosts
	der, err := x509.CreateCertificate(rand.Reader, &tpl, &tpl, pair.Key.Public(), pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	if pair.Certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return &pair
}

// ended is a CA with the key and the name of ca that ended at a time.
func ended(t *testing.T, ca *certs.CA, at time.Time) *certs.CA {
	t.Helper()
	tpl := *ca.Certificate
	tpl.NotBefore, tpl.NotAfter = at.Add(-time.Hour), at
	der, err := x509.CreateCertificate(rand.Reader, &tpl, &tpl, ca.Key.Public(), ca.Key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &certs.CA{Pair: certs.Pair{Certificate: cert, Key: ca.Key}}
}

// A file of the client's own that is of tomorrow shows that its clock is late.
func TestDistrustClockBehindFile(t *testing.T) {
	n := newNetwork(t)
	tomorrow := time.Now().Add(24 * time.Hour)
	if err := os.Chtimes(n.path("ca.crt"), tomorrow, tomorrow); err != nil {
		t.Fatal(err)
	}
	pair := pairOf(t)(n.ca.Server([]string{"localhost"}, certs.Options{NotBefore: tomorrow}))
	server := newServer(t, certs.ServerConfig{Certificate: pair.TLS()})
	o := meet(t, server.TLSConfig(), newClient(t, n.client()).TLSConfig("localhost"))
	got, _ := errors.AsType[*certs.Error](o.clientErr)
	if got == nil || !strings.Contains(got.Hint, "behind: it says") || !strings.Contains(got.Hint, n.path("ca.crt")+" is of ") {
		t.Errorf("got %v, want that the clock is behind ca.crt", o.clientErr)
	}
}
