package certs

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/socksctl/socksctl/internal/files"
)

// Pair is a certificate and its private key.
type Pair struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
}

// TLS returns the pair as crypto/tls takes it.
func (p *Pair) TLS() *tls.Certificate {
	return &tls.Certificate{Certificate: [][]byte{p.Certificate.Raw}, PrivateKey: p.Key, Leaf: p.Certificate}
}

// CertificatePEM returns the certificate as PEM.
func (p *Pair) CertificatePEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate.Raw})
}

// KeyPEM returns the private key as PEM, in PKCS#8.
func (p *Pair) KeyPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(p.Key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// Write writes name.crt and name.key (mode 0600) to dir, which it makes when it
// is missing. Files that exist are an error that wraps fs.ErrExist, and stay as
// they are, unless overwrite is set.
func (p *Pair) Write(dir, name string, overwrite bool) error {
	if err := checkFileName(name); err != nil {
		return err
	}
	key, err := p.KeyPEM()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	keyFile, certFile := filepath.Join(dir, name+".key"), filepath.Join(dir, name+".crt")
	if overwrite {
		return errors.Join(files.Replace(keyFile, key, 0o600), files.Replace(certFile, p.CertificatePEM(), 0o644))
	}
	// The certificate is looked at first, so that no key is left behind alone.
	if _, err := os.Lstat(certFile); err == nil {
		return fmt.Errorf("%s: %w", certFile, fs.ErrExist)
	}
	if err := files.Create(keyFile, key, 0o600); err != nil {
		return err
	}
	return files.Create(certFile, p.CertificatePEM(), 0o644)
}

// checkFileName refuses what would not name a plain, visible file in every
// file system.
func checkFileName(name string) error {
	bad := func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune(`/\:*?"<>|`, r) }
	if name == "" || len(name) > 200 || name[0] == '.' || name[0] == '-' || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("%q cannot be the name of a file", name)
	}
	return nil
}
