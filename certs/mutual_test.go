package certs_test

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/socksctl/socksctl/certs"
)

var versions = map[string]uint16{"TLS12": tls.VersionTLS12, "TLS13": tls.VersionTLS13}

func eachVersion(t *testing.T, f func(t *testing.T, version uint16)) {
	for name, version := range versions {
		t.Run(name, func(t *testing.T) { f(t, version) })
	}
}

func capped(c *tls.Config, version uint16) *tls.Config {
	c.MaxVersion = version
	return c
}

func TestMutualTLS(t *testing.T) {
	ca := newCA(t, "net")
	for _, kind := range certs.KeyTypes() {
		t.Run(string(kind), func(t *testing.T) {
			o := certs.Options{KeyType: kind}
			server := newServer(t, certs.ServerConfig{
				Certificate: pairOf(t)(ca.Server([]string{"localhost", "127.0.0.1", "::1"}, o)).TLS(),
				ClientCAs:   []*x509.Certificate{ca.Certificate},
			})
			client := newClient(t, certs.ClientConfig{
				CAs: []*x509.Certificate{ca.Certificate}, Certificate: pairOf(t)(ca.Client("alice", o)).TLS(),
			})
			eachVersion(t, func(t *testing.T, version uint16) {
				for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
					got := mustMeet(t, server.TLSConfig(), capped(client.TLSConfig(name), version))
					if got.client.Version != version {
						t.Errorf("%s: got version %x, want %x", name, got.client.Version, version)
					}
					if id, err := certs.PeerIdentity(got.server.VerifiedChains[0][0], certs.IdentityCN); id != "alice" || err != nil {
						t.Errorf("%s: got identity %q, %v, want alice", name, id, err)
					}
				}
			})
		})
	}
}

// conformance 69
func TestMutualTLSRefusesByReason(t *testing.T) {
	ca, other := newCA(t, "net"), newCA(t, "other")
	pair := pairOf(t)
	past, day := time.Now().Add(-48*time.Hour), 24*time.Hour
	dir := t.TempDir()
	revoked := pair(ca.Client("mallory", certs.Options{}))
	if err := revoked.Write(dir, "mallory", false); err != nil {
		t.Fatal(err)
	}
	if err := ca.Revoke(dir, "mallory"); err != nil {
		t.Fatal(err)
	}
	server := newServer(t, certs.ServerConfig{
		Certificate: pair(ca.Server([]string{"localhost"}, certs.Options{})).TLS(),
		ClientCAs:   []*x509.Certificate{ca.Certificate}, CRLFile: dir + "/crl.pem",
	})
	tests := []struct {
		name, reason, says string
		cert               *tls.Certificate
	}{
		{"good", "", "", pair(ca.Client("alice", certs.Options{})).TLS()},
		{"none", certs.ReasonNoCertificate, "client certificate", nil},
		{"wrong CA", certs.ReasonUnknownCA, "its CA is not one that the server trusts", pair(other.Client("alice", certs.Options{})).TLS()},
		{"expired", certs.ReasonExpired, "expired", pair(ca.Client("alice", certs.Options{NotBefore: past, Validity: day})).TLS()},
		{"early", certs.ReasonNotYetValid, "not valid yet", pair(ca.Client("alice", certs.Options{NotBefore: time.Now().Add(day)})).TLS()},
		{"usage", certs.ReasonKeyUsage, "not be meant for clients", pair(ca.Server([]string{"alice"}, certs.Options{})).TLS()},
		{"revoked", certs.ReasonRevoked, "revoked", revoked.TLS()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			eachVersion(t, func(t *testing.T, version uint16) {
				client := newClient(t, certs.ClientConfig{CAs: []*x509.Certificate{ca.Certificate}, Certificate: tt.cert})
				got := meet(t, server.TLSConfig(), capped(client.TLSConfig("localhost"), version))
				if reason := certs.Reason(got.serverErr); reason != tt.reason {
					t.Errorf("server: got reason %q (%v), want %q", reason, got.serverErr, tt.reason)
				}
				if tt.reason == "" {
					return
				}
				if got.clientGot != "" || got.clientErr == nil {
					t.Fatalf("client: got %q, %v, want an alert", got.clientGot, got.clientErr)
				}
				if said := certs.Explain(got.clientErr).Error(); !strings.Contains(said, tt.says) {
					t.Errorf("client: got %q, want it to say %q", said, tt.says)
				}
			})
		})
	}
}
