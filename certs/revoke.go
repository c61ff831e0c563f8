package certs

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"path/filepath"
	"time"

	"github.com/socksctl/socksctl/internal/files"
)

// crlValidity is short enough that a forgotten list is noticed. It goes on to
// refuse what it lists; a new Revoke, also of nothing new, renews it.
const crlValidity = 365 * 24 * time.Hour

// Revoke takes back the certificate of name, which is dir/name.crt: it writes
// dir/crl.pem, signed by the CA, with what an earlier list there holds. To
// revoke what is revoked already renews the list.
func (ca *CA) Revoke(dir, name string) error {
	if err := checkFileName(name); err != nil {
		return err
	}
	certFile := filepath.Join(dir, name+".crt")
	chain, err := LoadCertificates(certFile)
	if err != nil {
		return err
	}
	if err := chain[0].CheckSignatureFrom(ca.Certificate); err != nil || chain[0].Equal(ca.Certificate) {
		return fmt.Errorf("revoke %s: not issued by the CA %q", certFile, ca.Certificate.Subject)
	}
	return ca.RevokeSerial(dir, chain[0].SerialNumber)
}

// RevokeSerial is Revoke of a certificate that is not in the directory any more,
// but known by its serial number.
func (ca *CA) RevokeSerial(dir string, serial *big.Int) error {
	crlFile := filepath.Join(dir, "crl.pem")
	list, err := ca.earlierList(crlFile)
	if err != nil {
		return err
	}
	data, err := ca.sign(list, serial)
	if err != nil {
		return fmt.Errorf("revoke %s: %w", serialText(serial), err)
	}
	return files.Replace(crlFile, data, 0o644)
}

// earlierList returns the list in file, or an empty one when there is no file.
func (ca *CA) earlierList(file string) (*x509.RevocationList, error) {
	data, err := files.Read(file)
	if errors.Is(err, fs.ErrNotExist) {
		return &x509.RevocationList{Number: new(big.Int)}, nil
	}
	if err != nil {
		return nil, err
	}
	lists, err := parseLists(data)
	if err != nil {
		return nil, fmt.Errorf("CRL %s: %w", file, err)
	}
	if len(lists) != 1 || lists[0].CheckSignatureFrom(ca.Certificate) != nil {
		return nil, fmt.Errorf("CRL %s: not one list, signed by the CA", file)
	}
	if lists[0].Number == nil {
		lists[0].Number = new(big.Int)
	}
	return lists[0], nil
}

// sign returns the list that follows old, with serial in it, as PEM.
func (ca *CA) sign(old *x509.RevocationList, serial *big.Int) ([]byte, error) {
	now := time.Now()
	list := &x509.RevocationList{
		Number:                    new(big.Int).Add(old.Number, big.NewInt(1)),
		ThisUpdate:                now,
		NextUpdate:                now.Add(crlValidity),
		RevokedCertificateEntries: old.RevokedCertificateEntries,
	}
	for _, entry := range list.RevokedCertificateEntries {
		if entry.SerialNumber.Cmp(serial) == 0 {
			serial = nil
			break
		}
	}
	if serial != nil {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: serial, RevocationTime: now})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, ca.Certificate, ca.Key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}), nil
}
