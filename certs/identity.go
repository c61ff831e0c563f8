package certs

import (
	"cmp"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"strings"
	"unicode"
)

// IdentityKind says which part of a certificate names its owner.
type IdentityKind string

// The parts of a certificate that name its owner. The zero value is
// [IdentityCN].
const (
	IdentityCN    IdentityKind = "cn"    // the common name of the subject
	IdentityURI   IdentityKind = "uri"   // the subject alternative name of type URI, a SPIFFE ID for example
	IdentityEmail IdentityKind = "email" // the one of type e-mail
	IdentityDNS   IdentityKind = "dns"   // the one of type DNS
)

// Check returns an error when k is none of the kinds above.
func (k IdentityKind) Check() error {
	switch k {
	case "", IdentityCN, IdentityURI, IdentityEmail, IdentityDNS:
		return nil
	}
	return fmt.Errorf("certificate identity %q: want cn, uri, email or dns", string(k))
}

// PeerIdentity returns whom leaf was issued to. It is an error when there is not
// exactly one name of the kind, or one that does not print. The caller has
// verified leaf.
func PeerIdentity(leaf *x509.Certificate, kind IdentityKind) (string, error) {
	if err := kind.Check(); err != nil {
		return "", err
	}
	names := namesOf(leaf, kind)
	if len(names) != 1 {
		return "", fmt.Errorf("certificate identity: %d names of kind %q, want one", len(names), cmp.Or(kind, IdentityCN))
	}
	name := names[0]
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", fmt.Errorf("certificate identity %q: empty, or does not print", name)
	}
	return name, nil
}

func namesOf(leaf *x509.Certificate, kind IdentityKind) (names []string) {
	switch kind {
	case IdentityURI:
		for _, uri := range leaf.URIs {
			names = append(names, uri.String())
		}
	case IdentityEmail:
		names = leaf.EmailAddresses
	case IdentityDNS:
		names = leaf.DNSNames
	default:
		for _, attr := range leaf.Subject.Names {
			if attr.Type.Equal(asn1.ObjectIdentifier{2, 5, 4, 3}) {
				names = append(names, fmt.Sprint(attr.Value))
			}
		}
	}
	return names
}
