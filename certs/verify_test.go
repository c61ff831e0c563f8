package certs_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"os"
	"testing"
	"time"

	"github.com/socksctl/socksctl/certs"
)

// renewed is a CA with the key and the name of ca, and dates from now on.
func renewed(t *testing.T, ca *certs.CA) *certs.Pair {
	t.Helper()
	tpl := *ca.Certificate
	tpl.SerialNumber = big.NewInt(2)
	tpl.NotBefore = time.Now().Add(-time.Minute)
	der, err := x509.CreateCertificate(rand.Reader, &tpl, &tpl, ca.Key.Public(), ca.Key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &certs.Pair{Certificate: cert, Key: ca.Key}
}

// A connection is held against what is in force when it is asked about, however
// it was let in.
func TestVerify(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*testing.T, network)
		reason string
	}{
		"nothing":      {func(*testing.T, network) {}, ""},
		"another":      {func(t *testing.T, n network) { n.revoke(t, "bob") }, ""},
		"revoked":      {func(t *testing.T, n network) { n.revoke(t, "alice") }, certs.ReasonRevoked},
		"renewed CA":   {func(t *testing.T, n network) { n.write(t, "ca", renewed(t, n.ca)) }, ""},
		"another CA":   {func(t *testing.T, n network) { n.write(t, "ca", &newCA(t, "net").Pair) }, certs.ReasonUnknownCA},
		"a broken CRL": {func(t *testing.T, n network) { os.Truncate(n.path("crl.pem"), 9) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t)
			n.write(t, "bob", pairOf(t)(n.ca.Client("bob", certs.Options{})))
			n.write(t, "eve", pairOf(t)(n.ca.Client("eve", certs.Options{})))
			n.revoke(t, "eve")
			c := n.server()
			if c.CRLFile = n.path("crl.pem"); name == "another CA" {
				c.CRLFile = "" // it cannot sign what the other did
			}
			server, client := newServer(t, c), newClient(t, n.client())
			start := time.Now()
			config := client.TLSConfig("localhost")
			states := []tls.ConnectionState{mustMeet(t, server.TLSConfig(), config).server, mustMeet(t, server.TLSConfig(), config).server}
			if !states[1].DidResume {
				t.Error("the second is no resumed one")
			}
			tt.change(t, n)
			if err := server.Reload(); (err != nil) != (name == "a broken CRL") {
				t.Errorf("reload: got %v", err)
			}
			for _, state := range states {
				if err := server.Verify(state, start); certs.Reason(err) != tt.reason {
					t.Errorf("resumed %v: got %v, want reason %q", state.DidResume, err, tt.reason)
				}
			}
		})
	}
}

// A certificate that has ended since does not end its connections, unless it is
// revoked as well.
func TestVerifyExpired(t *testing.T) {
	n := newNetwork(t)
	day := 24 * time.Hour
	made := time.Now().Add(-2 * day)
	ca, err := certs.NewCA("old", certs.Options{NotBefore: made})
	if err != nil {
		t.Fatal(err)
	}
	n.ca = ca
	n.write(t, "ca", &ca.Pair)
	old := pairOf(t)(ca.Client("old", certs.Options{NotBefore: made, Validity: day}))
	n.write(t, "old", old)
	n.write(t, "bob", pairOf(t)(ca.Client("bob", certs.Options{})))
	n.revoke(t, "bob")
	c := n.server()
	c.CRLFile = n.path("crl.pem")
	server := newServer(t, c)
	state := tls.ConnectionState{PeerCertificates: []*x509.Certificate{old.Certificate}}
	if err := server.Verify(state, made.Add(time.Hour)); err != nil {
		t.Errorf("made in time: %v", err)
	}
	if err := server.Verify(state, time.Now()); certs.Reason(err) != certs.ReasonExpired {
		t.Errorf("made too late: got %v, want that it expired", err)
	}
	n.revoke(t, "old")
	reload(t, server)
	if err := server.Verify(state, made.Add(time.Hour)); certs.Reason(err) != certs.ReasonRevoked {
		t.Errorf("revoked: got %v, want that it is", err)
	}
}

func TestVerifyWithoutCertificate(t *testing.T) {
	n := newNetwork(t)
	for auth, want := range map[certs.ClientAuth]string{
		certs.ClientAuthNone: "", certs.ClientAuthRequest: "", certs.ClientAuthRequire: certs.ReasonNoCertificate,
	} {
		c := n.server()
		c.ClientAuth = auth
		if err := newServer(t, c).Verify(tls.ConnectionState{}, time.Now()); certs.Reason(err) != want {
			t.Errorf("%s: got %v, want reason %q", auth, err, want)
		}
	}
}

// What is bad keeps nothing else from being taken up: above all, no revocation
// waits for a certificate of the server's that somebody is about to mend.
func TestReloadTakesUpWhatIsGood(t *testing.T) {
	n := newNetwork(t)
	n.write(t, "bob", pairOf(t)(n.ca.Client("bob", certs.Options{})))
	n.revoke(t, "bob")
	c := n.server()
	c.CRLFile = n.path("crl.pem")
	server, client := newServer(t, c), newClient(t, n.client())
	state := mustMeet(t, server.TLSConfig(), client.TLSConfig("localhost")).server
	before := server.Certificate()

	n.revoke(t, "alice")
	if err := os.WriteFile(n.path("server.crt"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := server.Reload(); err == nil {
		t.Error("a broken certificate was no error")
	}
	if !server.Certificate().Equal(before) {
		t.Error("the certificate did not stay")
	}
	if err := server.Verify(state, time.Now()); certs.Reason(err) != certs.ReasonRevoked {
		t.Errorf("got %v, want that it is revoked", err)
	}

	n.write(t, "server", pairOf(t)(n.ca.Server([]string{"localhost"}, certs.Options{})))
	if err := os.WriteFile(n.path("crl.pem"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := server.Reload(); err == nil {
		t.Error("a broken CRL was no error")
	}
	if server.Certificate().Equal(before) {
		t.Error("the certificate was not taken up")
	}
	if err := server.Verify(state, time.Now()); certs.Reason(err) != certs.ReasonRevoked {
		t.Errorf("got %v, want that the CRL before stays in force", err)
	}
}

// A reload that is prepared changes nothing until it is taken up.
func TestPrepare(t *testing.T) {
	n := newNetwork(t)
	server := newServer(t, n.server())
	before := server.Certificate()
	if commit, err := server.Prepare(); commit != nil || err != nil {
		t.Errorf("nothing changed: got a commit %v, %v", commit != nil, err)
	}
	n.write(t, "server", pairOf(t)(n.ca.Server([]string{"localhost"}, certs.Options{})))
	commit, err := server.Prepare()
	if commit == nil || err != nil {
		t.Fatalf("got a commit %v, %v", commit != nil, err)
	}
	if !server.Certificate().Equal(before) {
		t.Error("it was taken up before the commit")
	}
	commit()
	if server.Certificate().Equal(before) {
		t.Error("it was not taken up by the commit")
	}
}
