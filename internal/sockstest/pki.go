package sockstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TLSFiles is the PEM files and settings of both ends of the TLS connection: of
// the server, and of the forwarder that speaks to it. Client certificates are
// for MutualTLS alone.
type TLSFiles struct {
	ServerCert, ServerKey string
	ClientCA, CRL         string // an empty CRL: none
	MinVersion            uint16 // 0: the default

	RootCA     string // an empty RootCA: Pin alone is what counts
	ServerName string // the forwarder verifies it; "localhost"
	Pin        string // "sha256/BASE64", or empty
	ClientCert string
	ClientKey  string
}

// pki is a certificate authority and what it has issued.
type pki struct {
	dir    string
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	serial int64
}

// newTLSFiles makes an authority with a server and a client certificate.
func newTLSFiles(t testing.TB) (TLSFiles, *pki) {
	t.Helper()
	p := newPKI(t, "suite CA")
	files := TLSFiles{ClientCA: p.path("ca.crt"), RootCA: p.path("ca.crt"), ServerName: "localhost"}
	files.ServerCert, files.ServerKey = p.issue(t, "server", serverLeaf)
	files.ClientCert, files.ClientKey = p.issue(t, "client", clientLeaf)
	return files, p
}

func newPKI(t testing.TB, name string) *pki {
	t.Helper()
	p := &pki{dir: t.TempDir(), serial: 1}
	p.key = newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, p.key.Public(), p.key)
	if err != nil {
		t.Fatal(err)
	}
	p.cert, _ = x509.ParseCertificate(der)
	writePEM(t, p.path("ca.crt"), "CERTIFICATE", der)
	return p
}

func (p *pki) path(name string) string { return filepath.Join(p.dir, name) }

// serverLeaf makes a template the one of a server, clientLeaf of a client.
func serverLeaf(c *x509.Certificate) {
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	c.DNSNames = []string{"localhost"}
	c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
}

func clientLeaf(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }

func expired(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
}

// issue writes name.crt and name.key, over what is there, and returns the paths.
func (p *pki) issue(t testing.TB, name string, options ...func(*x509.Certificate)) (cert, key string) {
	t.Helper()
	p.serial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(p.serial), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(300 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	for _, o := range options {
		o(template)
	}
	leaf := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, p.cert, leaf.Public(), p.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(leaf)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = p.path(name+".crt"), p.path(name+".key")
	writePEM(t, cert, "CERTIFICATE", der)
	writePEM(t, key, "PRIVATE KEY", keyDER)
	return cert, key
}

// revoke writes a CRL that lists the certificates in files.
func (p *pki) revoke(t testing.TB, files ...string) string {
	t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Minute), NextUpdate: time.Now().Add(24 * time.Hour)}
	for _, f := range files {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: readCert(t, f).SerialNumber, RevocationTime: time.Now().Add(-time.Minute)})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, p.cert, p.key)
	if err != nil {
		t.Fatal(err)
	}
	path := p.path("crl.pem")
	writePEM(t, path, "X509 CRL", der)
	return path
}

// clientTLS returns what an app trusts and shows in the mode of b.
func (b *Bench) clientTLS(t testing.TB) *tls.Config {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(b.pki.cert)
	config := &tls.Config{RootCAs: roots, ServerName: "localhost"}
	switch b.Carrier {
	case TLS12:
		config.MaxVersion = tls.VersionTLS12
	case TLS13:
		config.MinVersion = tls.VersionTLS13
	case MutualTLS:
		config.Certificates = []tls.Certificate{loadPair(t, b.files.ClientCert, b.files.ClientKey)}
	}
	return config
}

func loadPair(t testing.TB, cert, key string) tls.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// pinOf returns the pin of the certificate in file.
func pinOf(t testing.TB, file string) string {
	sum := sha256.Sum256(readCert(t, file).RawSubjectPublicKeyInfo)
	return "sha256/" + base64.StdEncoding.EncodeToString(sum[:])
}

func readCert(t testing.TB, file string) *x509.Certificate {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writePEM(t testing.TB, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
