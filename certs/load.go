package certs

import (
	"crypto"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/socksctl/socksctl/internal/files"
)

// expirySoon is when the end of a certificate becomes worth a warning.
const expirySoon = 14 * 24 * time.Hour

// LoadPair reads a certificate, with the chain that follows it in its file, and
// its private key, in PEM: PKCS#8, SEC1 or PKCS#1. An empty keyFile means that
// the key is in certFile. Errors name the file and never show what is in a key.
// Warnings are what works and should not be: a key that others may read, dates
// that are over, not come, or near.
func LoadPair(certFile, keyFile string) (cert tls.Certificate, warnings []error, err error) {
	if keyFile == "" {
		keyFile = certFile
	}
	certPEM, err := files.Read(certFile)
	if err != nil {
		return cert, nil, fmt.Errorf("certificate: %w", err)
	}
	keyPEM, err := files.Read(keyFile)
	if err != nil {
		return cert, nil, fmt.Errorf("private key: %w", err)
	}
	cert, err = parsePair(certFile, certPEM, keyFile, keyPEM)
	if err != nil {
		return cert, nil, err
	}
	return cert, pairWarnings(certFile, keyFile, cert.Leaf), nil
}

// LoadCertificates reads every certificate of a PEM file: the CAs to trust.
func LoadCertificates(file string) ([]*x509.Certificate, error) {
	data, err := files.Read(file)
	if err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	return parseCertificates(file, data)
}

func parsePair(certFile string, certPEM []byte, keyFile string, keyPEM []byte) (tls.Certificate, error) {
	chain, err := parseCertificates(certFile, certPEM)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := parseKey(keyPEM)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("private key %s: %w", keyFile, err)
	}
	if !fits(key, chain[0]) {
		return tls.Certificate{}, fmt.Errorf("private key %s does not fit the certificate %s", keyFile, certFile)
	}
	cert := tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, c := range chain {
		cert.Certificate = append(cert.Certificate, c.Raw)
	}
	return cert, nil
}

func fits(key crypto.Signer, cert *x509.Certificate) bool {
	pub, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && pub.Equal(cert.PublicKey)
}

func parseCertificates(file string, data []byte) (certs []*x509.Certificate, err error) {
	for block := range blocks(data) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d in %s: %w", len(certs)+1, file, err)
		}
		certs = append(certs, cert)
	}
	if len(certs) == 0 {
		return nil, fmt.Errorf("%s: no certificate in PEM", file)
	}
	return certs, nil
}

// blocks yields the PEM blocks of data.
func blocks(data []byte) func(yield func(*pem.Block) bool) {
	return func(yield func(*pem.Block) bool) {
		for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
			if !yield(block) {
				return
			}
		}
	}
}

// parseKey returns the first private key of data. Other blocks, such as the
// parameters that openssl writes before an EC key, are passed over.
func parseKey(data []byte) (crypto.Signer, error) {
	for block := range blocks(data) {
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY", strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
			return nil, errors.New("encrypted with a passphrase: decrypt it with \"openssl pkey\" and keep it mode 0600")
		case block.Type == "OPENSSH PRIVATE KEY":
			return nil, errors.New("in the format of OpenSSH: convert it with \"ssh-keygen -p -m PKCS8\"")
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return parseKeyDER(block.Type, block.Bytes)
		}
	}
	return nil, errors.New("no private key in PEM")
}

func parseKeyDER(kind string, der []byte) (crypto.Signer, error) {
	var key any
	var err error
	switch kind {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(der)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(der)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(der)
	default:
		return nil, fmt.Errorf("a %q is not supported", kind)
	}
	if err != nil {
		return nil, errors.New("damaged, or of a kind that is not supported") // a parser's error may show a part of it
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T cannot sign", key)
	}
	return signer, nil
}

func pairWarnings(certFile, keyFile string, leaf *x509.Certificate) (warnings []error) {
	if err := files.Exposed(keyFile); err != nil {
		warnings = append(warnings, fmt.Errorf("private key %w", err))
	}
	now := time.Now()
	switch {
	case now.After(leaf.NotAfter):
		warnings = append(warnings, fmt.Errorf("certificate %s expired on %s", certFile, leaf.NotAfter.Format(time.RFC3339)))
	case now.Before(leaf.NotBefore):
		warnings = append(warnings, fmt.Errorf("certificate %s is not valid before %s", certFile, leaf.NotBefore.Format(time.RFC3339)))
	case now.Add(expirySoon).After(leaf.NotAfter):
		warnings = append(warnings, fmt.Errorf("certificate %s expires on %s", certFile, leaf.NotAfter.Format(time.RFC3339)))
	}
	if key, ok := leaf.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < 2048 {
		warnings = append(warnings, fmt.Errorf("certificate %s has a key of %d bits: 2048 is the least that is safe", certFile, key.N.BitLen()))
	}
	return warnings
}

// warnOfPair logs what is wrong with a pair from files that loads all the same.
func warnOfPair(log *slog.Logger, certFile, keyFile string, cert *tls.Certificate) {
	if certFile == "" || cert == nil {
		return // from memory, or none
	}
	if keyFile == "" {
		keyFile = certFile
	}
	for _, w := range pairWarnings(certFile, keyFile, cert.Leaf) {
		log.Warn("certificate", "err", w)
	}
}
