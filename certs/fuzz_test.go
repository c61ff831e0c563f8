package certs

import (
	"crypto"
	"crypto/x509"
	"testing"
)

// FuzzPEM reads anything as every kind of file that there is.
func FuzzPEM(f *testing.F) {
	ca, err := NewCA("net", Options{})
	if err != nil {
		f.Fatal(err)
	}
	key, err := ca.KeyPEM()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(key)
	f.Add(ca.CertificatePEM())
	f.Add(append(ca.CertificatePEM(), key...))
	f.Add([]byte("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if cert, err := parsePair("cert", data, "key", data); err == nil && !fits(cert.PrivateKey.(crypto.Signer), cert.Leaf) {
			t.Error("a key that does not fit is taken")
		}
		if certs, err := parseCertificates("cert", data); (err == nil) != (len(certs) > 0) {
			t.Errorf("got %d certificates and %v", len(certs), err)
		}
		if r, err := parseCRL("crl", data, []*x509.Certificate{ca.Certificate}); err == nil && len(r.revoked) > 0 {
			t.Error("a list that the CA has not signed is taken")
		}
	})
}
