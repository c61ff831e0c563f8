package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"hash"

	"github.com/socksctl/socksctl/internal/files"
)

// material reads the files that a config is made from, and keeps a sum of all
// that it read, by which a reload tells whether anything changed.
type material struct {
	sum hash.Hash
}

func newMaterial() *material { return &material{sum: sha256.New()} }

func (m *material) read(what, file string) ([]byte, error) {
	data, err := files.Read(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	m.sum.Write(binary.BigEndian.AppendUint64(nil, uint64(len(data))))
	m.sum.Write(data)
	return data, nil
}

func (m *material) pair(certFile, keyFile string) (*tls.Certificate, error) {
	if keyFile == "" {
		keyFile = certFile
	}
	certPEM, err := m.read("certificate", certFile)
	if err != nil {
		return nil, err
	}
	keyPEM, err := m.read("private key", keyFile)
	if err != nil {
		return nil, err
	}
	cert, err := parsePair(certFile, certPEM, keyFile, keyPEM)
	if err != nil {
		return nil, err
	}
	return &cert, nil
}

func (m *material) certificates(what, file string) ([]*x509.Certificate, error) {
	data, err := m.read(what, file)
	if err != nil {
		return nil, err
	}
	return parseCertificates(file, data)
}

func (m *material) digest() [sha256.Size]byte { return [sha256.Size]byte(m.sum.Sum(nil)) }

// named returns the files that are set.
func named(paths ...string) (set []string) {
	for _, path := range paths {
		if path != "" {
			set = append(set, path)
		}
	}
	return set
}
