package certs_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io/fs"
	"log/slog"
	"math/big"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/certs"
)

func TestWrite(t *testing.T) {
	n := newNetwork(t)
	for file, want := range map[string]fs.FileMode{"ca.key": 0o600, "server.key": 0o600, "ca.crt": 0o644} {
		if info, err := os.Stat(n.path(file)); err != nil || info.Mode().Perm() != want && runtime.GOOS != "windows" {
			t.Errorf("%s: got %v, %v, want mode %o", file, info.Mode(), err, want)
		}
	}
	before, err := os.ReadFile(n.path("server.key"))
	if err != nil {
		t.Fatal(err)
	}
	pair := pairOf(t)(n.ca.Server([]string{"localhost"}, certs.Options{}))
	for _, gone := range []string{"no file", "server.crt"} { // the key alone is enough to stop
		if err := os.Remove(n.path(gone)); err != nil && gone == "server.crt" {
			t.Fatal(err)
		}
		if err := pair.Write(n.dir, "server", false); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), n.path("server")) {
			t.Errorf("got %v, want fs.ErrExist and the file", err)
		}
	}
	if after, _ := os.ReadFile(n.path("server.key")); !bytes.Equal(before, after) {
		t.Error("the key was overwritten")
	}
	n.write(t, "server", pair)
	if after, _ := os.ReadFile(n.path("server.key")); bytes.Equal(before, after) {
		t.Error("the key was not overwritten when asked")
	}
	entries, err := os.ReadDir(n.dir)
	if err != nil || len(entries) != 6 {
		t.Errorf("got %v, %v, want six files", entries, err)
	}
	for _, name := range []string{"", "../x", "a/b", ".x", "-x", "a\x00", `a\b`, "c:d"} {
		if pair.Write(n.dir, name, false) == nil {
			t.Errorf("name %q is taken", name)
		}
	}
}

func TestLoadCA(t *testing.T) {
	n := newNetwork(t)
	ca, err := certs.LoadCA(n.dir)
	if err != nil {
		t.Fatal(err)
	}
	pair := pairOf(t)(ca.Client("carol", certs.Options{}))
	if err := pair.Certificate.CheckSignatureFrom(n.ca.Certificate); err != nil {
		t.Error(err)
	}
	n.write(t, "ca", pair)
	if _, err := certs.LoadCA(n.dir); err == nil || !strings.Contains(err.Error(), "not the certificate of a CA") {
		t.Errorf("got %v, want that it is no CA", err)
	}
}

func TestIssueRefuses(t *testing.T) {
	ca := newCA(t, "net")
	for _, hosts := range [][]string{nil, {""}, {"a b"}, {"a..b"}, {strings.Repeat("a", 64)}, {"a", "http://"}} {
		if _, err := ca.Server(hosts, certs.Options{}); err == nil {
			t.Errorf("hosts %q are taken", hosts)
		}
	}
	if _, err := ca.Client("", certs.Options{}); err == nil {
		t.Error("a client without a name is taken")
	}
	if _, err := ca.Client("alice", certs.Options{KeyType: "dsa"}); err == nil || !strings.Contains(err.Error(), "ecdsa-p256, ") {
		t.Errorf("got %v, want the key types", err)
	}
	if _, err := ca.Client("alice", certs.Options{Validity: -time.Hour * 48}); err == nil {
		t.Error("an end before the beginning is taken")
	}
	long := pairOf(t)(ca.Client("alice", certs.Options{Validity: 100 * 365 * 24 * time.Hour}))
	if long.Certificate.NotAfter.After(ca.Certificate.NotAfter) {
		t.Error("it outlives its CA")
	}
}

func TestRevoke(t *testing.T) {
	n := newNetwork(t)
	for i, name := range []string{"alice", "server", "alice"} {
		n.revoke(t, name)
		lists, err := certs.ShowCRL(n.path("crl.pem"))
		if err != nil || len(lists) != 1 {
			t.Fatalf("got %v, %v, want one list", lists, err)
		}
		if got, want := lists[0].Number, []string{"1", "2", "3"}[i]; got != want {
			t.Errorf("got number %s, want %s", got, want)
		}
		if got, want := len(lists[0].Revoked), []int{1, 2, 2}[i]; got != want {
			t.Errorf("got %d entries, want %d", got, want)
		}
		if !lists[0].NextUpdate.After(time.Now()) {
			t.Error("no next update")
		}
	}
	infos, err := certs.Show(n.path("alice.crt"), n.path("crl.pem"))
	if err != nil || !infos[0].Revoked {
		t.Errorf("got %v, %v, want that alice is revoked", infos, err)
	}
	other := newCA(t, "net") // the same name, another key
	if err := other.Revoke(n.dir, "alice"); err == nil || !strings.Contains(err.Error(), "not issued by the CA") {
		t.Errorf("got %v, want that it is not ours", err)
	}
	if err := n.ca.Revoke(n.dir, "ca"); err == nil {
		t.Error("the CA revoked itself")
	}
	for _, name := range []string{"nobody", "../alice"} {
		if err := n.ca.Revoke(n.dir, name); err == nil {
			t.Errorf("%q is revoked", name)
		}
	}
}

// Past its next update a list still refuses, and says so once.
func TestMutualTLSStaleCRL(t *testing.T) {
	n := newNetwork(t)
	n.write(t, "bob", pairOf(t)(n.ca.Client("bob", certs.Options{})))
	bob, err := certs.LoadCertificates(n.path("bob.crt"))
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateRevocationList(nil, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: time.Now().Add(-48 * time.Hour), NextUpdate: time.Now().Add(-time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: bob[0].SerialNumber, RevocationTime: time.Now()}},
	}, n.ca.Certificate, n.ca.Key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(n.path("crl.der"), der, 0o644); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	c := n.server()
	c.CRLFile, c.Log = n.path("crl.der"), slog.New(slog.NewTextHandler(&log, nil))
	server := newServer(t, c)
	alice := newClient(t, n.client())
	for range 2 {
		mustMeet(t, server.TLSConfig(), alice.TLSConfig("localhost"))
	}
	cb := n.client()
	cb.CertFile, cb.KeyFile = n.path("bob.crt"), n.path("bob.key")
	if o := meet(t, server.TLSConfig(), newClient(t, cb).TLSConfig("localhost")); certs.Reason(o.serverErr) != certs.ReasonRevoked {
		t.Errorf("got %v, want revoked", o.serverErr)
	}
	if got := strings.Count(log.String(), "past its next update"); got != 1 {
		t.Errorf("got %d warnings, want 1:\n%s", got, log.String())
	}
}

func TestDescribe(t *testing.T) {
	ca := newCA(t, "net")
	pair := pairOf(t)(ca.Server([]string{"example.org", "192.0.2.1", "[2001:db8::1]"}, certs.Options{
		KeyType: certs.RSA2048, Names: []string{"spiffe://example.org/proxy", "ops@example.org", "*.example.org"},
	}))
	got := certs.Describe(pair.Certificate)
	want := certs.Info{
		Subject: "CN=example.org", Issuer: "CN=net", Serial: got.Serial, KeyType: "rsa-2048", Usage: []string{"server"},
		Names:     []string{"example.org", "*.example.org", "ops@example.org", "192.0.2.1", "2001:db8::1", "spiffe://example.org/proxy"},
		NotBefore: pair.Certificate.NotBefore, NotAfter: pair.Certificate.NotAfter,
		Fingerprint: certs.Fingerprint(pair.Certificate), Pin: certs.SPKIPin(pair.Certificate),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !certs.Describe(ca.Certificate).CA {
		t.Error("the CA is none")
	}
}

func TestPeerIdentity(t *testing.T) {
	ca := newCA(t, "net")
	leaf := pairOf(t)(ca.Client("alice", certs.Options{Names: []string{
		"spiffe://example.org/alice", "alice@example.org", "a.example.org", "b.example.org",
	}})).Certificate
	for kind, want := range map[certs.IdentityKind]string{
		"": "alice", certs.IdentityCN: "alice", certs.IdentityURI: "spiffe://example.org/alice", certs.IdentityEmail: "alice@example.org",
	} {
		if got, err := certs.PeerIdentity(leaf, kind); got != want || err != nil {
			t.Errorf("%q: got %q, %v, want %q", kind, got, err, want)
		}
	}
	cn := func(names ...string) *x509.Certificate {
		c := &x509.Certificate{}
		for _, name := range names {
			c.Subject.Names = append(c.Subject.Names, pkix.AttributeTypeAndValue{Type: []int{2, 5, 4, 3}, Value: name})
		}
		return c
	}
	for name, tt := range map[string]struct {
		leaf *x509.Certificate
		kind certs.IdentityKind
	}{
		"two DNS names": {leaf, certs.IdentityDNS},
		"unknown kind":  {leaf, "upn"},
		"no CN":         {cn(), certs.IdentityCN},
		"two CNs":       {cn("alice", "root"), certs.IdentityCN},
		"empty CN":      {cn(""), certs.IdentityCN},
		"NUL":           {cn("alice\x00"), certs.IdentityCN},
		"line break":    {cn("alice\nroot"), certs.IdentityCN},
		"no e-mail":     {cn("alice"), certs.IdentityEmail},
	} {
		if got, err := certs.PeerIdentity(tt.leaf, tt.kind); err == nil || got != "" {
			t.Errorf("%s: got %q, want an error", name, got)
		}
	}
}

func TestParseVersion(t *testing.T) {
	for in, want := range map[string]uint16{"": 0x303, "1.2": 0x303, "TLS12": 0x303, "1.3": 0x304, "TLS13": 0x304, "1.1": 0, "tls": 0} {
		if got, err := certs.ParseVersion(in); got != want || (err != nil) != (want == 0) {
			t.Errorf("%q: got %x, %v, want %x", in, got, err, want)
		}
	}
}
