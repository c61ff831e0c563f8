package certs

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// revocations is what the lists of a CRL file take back.
type revocations struct {
	file    string
	revoked map[revokedKey]bool
	next    time.Time // when the first of the lists is due to be replaced
	stale   sync.Once
}

// revokedKey names a certificate by the key that signed it, which is also the
// key that signed the list.
type revokedKey struct {
	issuer spkiPin
	serial string
}

// parseCRL reads the lists of file, in PEM or DER, each signed by one of cas.
func parseCRL(file string, data []byte, cas []*x509.Certificate) (*revocations, error) {
	r := &revocations{file: file, revoked: make(map[revokedKey]bool)}
	lists, err := parseLists(data)
	if err != nil {
		return nil, fmt.Errorf("CRL %s: %w", file, err)
	}
	for _, list := range lists {
		issuer := signerOf(list, cas)
		if issuer == nil {
			return nil, fmt.Errorf("CRL %s: not signed by the CA (issuer %q)", file, list.Issuer)
		}
		for _, entry := range list.RevokedCertificateEntries {
			r.revoked[revokedKey{pinOf(issuer), entry.SerialNumber.String()}] = true
		}
		if !list.NextUpdate.IsZero() && (r.next.IsZero() || list.NextUpdate.Before(r.next)) {
			r.next = list.NextUpdate
		}
	}
	return r, nil
}

func parseLists(data []byte) (lists []*x509.RevocationList, err error) {
	var ders [][]byte
	for block := range blocks(data) {
		if block.Type == "X509 CRL" {
			ders = append(ders, block.Bytes)
		}
	}
	if len(ders) == 0 {
		ders = [][]byte{data}
	}
	for _, der := range ders {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			return nil, fmt.Errorf("neither PEM nor DER of a revocation list: %w", err)
		}
		if err := checkExtensions(list); err != nil {
			return nil, err
		}
		lists = append(lists, list)
	}
	return lists, nil
}

// checkExtensions refuses lists that mean something else than "these serial
// numbers of mine": delta lists, indirect ones (RFC 5280, section 5.2).
func checkExtensions(list *x509.RevocationList) error {
	for _, ext := range list.Extensions {
		known := ext.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 20}) || ext.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 35})
		if ext.Critical && !known {
			return fmt.Errorf("critical extension %s is not supported", ext.Id)
		}
	}
	return nil
}

func signerOf(list *x509.RevocationList, cas []*x509.Certificate) *x509.Certificate {
	for _, ca := range cas {
		if list.CheckSignatureFrom(ca) == nil {
			return ca
		}
	}
	return nil
}

var errRevoked = errors.New("certificate revoked")

// check returns an error when every chain has a revoked certificate.
func (r *revocations) check(chains [][]*x509.Certificate, log *slog.Logger) error {
	if !r.next.IsZero() && time.Now().After(r.next) {
		r.stale.Do(func() {
			log.Warn("the CRL is past its next update; what it lists is still refused", "file", r.file, "next_update", r.next)
		})
	}
	for _, chain := range chains {
		if !r.lists(chain) {
			return nil
		}
	}
	leaf := chains[0][0]
	return &Error{Reason: ReasonRevoked, Err: fmt.Errorf("%w: %q, serial %x", errRevoked, leaf.Subject, leaf.SerialNumber)}
}

func (r *revocations) lists(chain []*x509.Certificate) bool {
	for i, issuer := range chain[1:] {
		if r.revoked[revokedKey{pinOf(issuer), chain[i].SerialNumber.String()}] {
			return true
		}
	}
	return false
}
