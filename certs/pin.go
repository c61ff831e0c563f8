package certs

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

const pinPrefix = "sha256/"

// SPKIPin returns the pin of a certificate: "sha256/" and the base64 of the
// SHA-256 of its public key (SubjectPublicKeyInfo, as in RFC 7469, section 2.4).
// It stays the same when a certificate is renewed with its key.
func SPKIPin(cert *x509.Certificate) string { return formatPin(pinOf(cert)) }

// Fingerprint returns the SHA-256 of the whole certificate, in hexadecimal.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

type spkiPin [sha256.Size]byte

func pinOf(cert *x509.Certificate) spkiPin { return sha256.Sum256(cert.RawSubjectPublicKeyInfo) }

func formatPin(p spkiPin) string { return pinPrefix + base64.StdEncoding.EncodeToString(p[:]) }

func parsePin(s string) (spkiPin, error) {
	text, ok := strings.CutPrefix(s, pinPrefix)
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if !ok || err != nil || len(raw) != sha256.Size {
		// What was given is not repeated: it might be a key by mistake.
		return spkiPin{}, fmt.Errorf("a pin is %s and the base64 of 32 bytes, as \"cert show\" prints it", pinPrefix)
	}
	return spkiPin(raw), nil
}
