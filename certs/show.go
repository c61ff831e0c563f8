package certs

import (
	"crypto/x509"
	"fmt"
	"math/big"
	"time"

	"github.com/socksctl/socksctl/internal/files"
)

// Info is what there is to tell of a certificate.
type Info struct {
	Subject     string    `json:"subject"`
	Issuer      string    `json:"issuer"`
	Serial      string    `json:"serial"` // hexadecimal
	Names       []string  `json:"names"`  // subject alternative names
	NotBefore   time.Time `json:"not_before"`
	NotAfter    time.Time `json:"not_after"`
	KeyType     KeyType   `json:"key_type"`
	CA          bool      `json:"ca"`
	Usage       []string  `json:"usage"`       // "server", "client"; empty: not restricted
	Fingerprint string    `json:"fingerprint"` // SHA-256 of the certificate, hexadecimal
	Pin         string    `json:"pin"`
	Revoked     bool      `json:"revoked"` // by the lists given to [Show]
}

// CRLInfo is what there is to tell of a revocation list.
type CRLInfo struct {
	Issuer     string    `json:"issuer"`
	Number     string    `json:"number"`
	ThisUpdate time.Time `json:"this_update"`
	NextUpdate time.Time `json:"next_update"`
	Revoked    []string  `json:"revoked"` // serial numbers, hexadecimal
}

// Describe returns what there is to tell of cert itself.
func Describe(cert *x509.Certificate) Info {
	info := Info{
		Subject: cert.Subject.String(), Issuer: cert.Issuer.String(), Serial: serialText(cert.SerialNumber),
		NotBefore: cert.NotBefore, NotAfter: cert.NotAfter,
		KeyType: keyTypeOf(cert.PublicKey), CA: cert.IsCA,
		Fingerprint: Fingerprint(cert), Pin: SPKIPin(cert),
	}
	info.Names = append(append(info.Names, cert.DNSNames...), cert.EmailAddresses...)
	for _, ip := range cert.IPAddresses {
		info.Names = append(info.Names, ip.String())
	}
	for _, uri := range cert.URIs {
		info.Names = append(info.Names, uri.String())
	}
	for _, usage := range cert.ExtKeyUsage {
		switch usage {
		case x509.ExtKeyUsageServerAuth:
			info.Usage = append(info.Usage, "server")
		case x509.ExtKeyUsageClientAuth:
			info.Usage = append(info.Usage, "client")
		default:
			info.Usage = append(info.Usage, fmt.Sprintf("other (%d)", usage))
		}
	}
	return info
}

// Show describes each certificate of a file, and marks those that crlFile
// lists, unless that is empty. The signature of the list is not verified: that
// takes a CA, and is done where the list is enforced.
func Show(file, crlFile string) ([]Info, error) {
	certs, err := LoadCertificates(file)
	if err != nil {
		return nil, err
	}
	revoked := make(map[string]bool)
	if crlFile != "" {
		lists, err := ShowCRL(crlFile)
		if err != nil {
			return nil, err
		}
		for _, list := range lists {
			for _, serial := range list.Revoked {
				revoked[list.Issuer+"\x00"+serial] = true
			}
		}
	}
	var infos []Info
	for _, cert := range certs {
		info := Describe(cert)
		info.Revoked = revoked[info.Issuer+"\x00"+info.Serial]
		infos = append(infos, info)
	}
	return infos, nil
}

// ShowCRL describes each revocation list of a file.
func ShowCRL(file string) ([]CRLInfo, error) {
	data, err := files.Read(file)
	if err != nil {
		return nil, fmt.Errorf("CRL: %w", err)
	}
	lists, err := parseLists(data)
	if err != nil {
		return nil, fmt.Errorf("CRL %s: %w", file, err)
	}
	var infos []CRLInfo
	for _, list := range lists {
		info := CRLInfo{Issuer: list.Issuer.String(), ThisUpdate: list.ThisUpdate, NextUpdate: list.NextUpdate}
		if list.Number != nil {
			info.Number = list.Number.String()
		}
		for _, entry := range list.RevokedCertificateEntries {
			info.Revoked = append(info.Revoked, serialText(entry.SerialNumber))
		}
		infos = append(infos, info)
	}
	return infos, nil
}

func serialText(n *big.Int) string { return fmt.Sprintf("%x", n) }
