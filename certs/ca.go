package certs

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

const (
	caValidity   = 10 * 365 * 24 * time.Hour
	leafValidity = 825 * 24 * time.Hour // the longest that Apple's verifier takes
	backdate     = time.Hour            // for clocks that are late
)

// Options says what a certificate is to be like. The zero value is good.
type Options struct {
	KeyType   KeyType       // "" is ECDSAP256
	NotBefore time.Time     // zero is an hour ago
	Validity  time.Duration // from now, or from NotBefore; 0 is ten years for a CA, 825 days for others
	Names     []string      // further subject alternative names: URIs, e-mail addresses, IP addresses, DNS names
}

// CA issues certificates. Its methods may be called from many goroutines.
type CA struct {
	Pair
}

// NewCA makes a CA with a self-signed certificate, in memory.
func NewCA(name string, o Options) (*CA, error) {
	tpl := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	if name == "" {
		return nil, errors.New("new CA: no name")
	}
	o.dates(tpl, caValidity)
	pair, err := issue(tpl, nil, o)
	if err != nil {
		return nil, fmt.Errorf("new CA %q: %w", name, err)
	}
	return &CA{Pair: *pair}, nil
}

// LoadCA reads ca.crt and ca.key from dir.
func LoadCA(dir string) (*CA, error) {
	cert, _, err := LoadPair(filepath.Join(dir, "ca.crt"), filepath.Join(dir, "ca.key"))
	if err != nil {
		return nil, err
	}
	if !cert.Leaf.IsCA {
		return nil, fmt.Errorf("%s: not the certificate of a CA", filepath.Join(dir, "ca.crt"))
	}
	return &CA{Pair{Certificate: cert.Leaf, Key: cert.PrivateKey.(crypto.Signer)}}, nil
}

// Write writes ca.crt and ca.key as [Pair.Write] does.
func (ca *CA) Write(dir string, overwrite bool) error { return ca.Pair.Write(dir, "ca", overwrite) }

// Server issues the certificate of a server that is reached under hosts, DNS
// names and IP addresses. The first is its common name.
func (ca *CA) Server(hosts []string, o Options) (*Pair, error) {
	if len(hosts) == 0 || hosts[0] == "" {
		return nil, errors.New("server certificate: no host")
	}
	o.Names = append(append([]string(nil), hosts...), o.Names...)
	return ca.leaf(hosts[0], x509.ExtKeyUsageServerAuth, o)
}

// Client issues the certificate of the client called name.
func (ca *CA) Client(name string, o Options) (*Pair, error) {
	if name == "" {
		return nil, errors.New("client certificate: no name")
	}
	return ca.leaf(name, x509.ExtKeyUsageClientAuth, o)
}

func (ca *CA) leaf(name string, usage x509.ExtKeyUsage, o Options) (*Pair, error) {
	tpl := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{usage},
		BasicConstraintsValid: true,
	}
	o.dates(tpl, leafValidity)
	if tpl.NotAfter.After(ca.Certificate.NotAfter) {
		tpl.NotAfter = ca.Certificate.NotAfter
	}
	err := addNames(tpl, o.Names)
	if err == nil && !tpl.NotAfter.After(tpl.NotBefore) {
		err = fmt.Errorf("it would end before it begins, on %s", tpl.NotAfter.Format(time.DateOnly))
	}
	var pair *Pair
	if err == nil {
		pair, err = issue(tpl, ca, o)
	}
	if err != nil {
		return nil, fmt.Errorf("certificate of %q: %w", name, err)
	}
	return pair, nil
}

func (o Options) dates(tpl *x509.Certificate, validity time.Duration) {
	if o.Validity != 0 {
		validity = o.Validity
	}
	start := time.Now()
	tpl.NotBefore = start.Add(-backdate)
	if !o.NotBefore.IsZero() {
		start, tpl.NotBefore = o.NotBefore, o.NotBefore
	}
	tpl.NotAfter = start.Add(validity)
}

// addNames sorts names into the kinds of subject alternative names.
func addNames(tpl *x509.Certificate, names []string) error {
	for _, name := range names {
		ip, ipErr := netip.ParseAddr(strings.Trim(name, "[]"))
		switch {
		case ipErr == nil && ip.Zone() == "":
			tpl.IPAddresses = append(tpl.IPAddresses, net.IP(ip.Unmap().AsSlice()))
		case strings.Contains(name, "://"):
			uri, err := url.Parse(name)
			if err != nil || uri.Host == "" {
				return fmt.Errorf("%q is not a URI", name)
			}
			tpl.URIs = append(tpl.URIs, uri)
		case strings.Contains(name, "@"):
			tpl.EmailAddresses = append(tpl.EmailAddresses, name)
		case !isDNSName(name):
			return fmt.Errorf("%q is neither a DNS name nor an IP address", name)
		default:
			tpl.DNSNames = append(tpl.DNSNames, name)
		}
	}
	return nil
}

// isDNSName tells what a verifier can match: labels of letters, digits, hyphens
// and underscores, the first of which may be a star.
func isDNSName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimPrefix(name, "*."), ".") {
		if label == "" || len(label) > 63 || strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// issue makes a key and has it signed by ca, or by itself when ca is nil.
func issue(tpl *x509.Certificate, ca *CA, o Options) (*Pair, error) {
	key, err := o.KeyType.generate()
	if err != nil {
		return nil, err
	}
	if tpl.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return nil, err
	}
	parent, signer := tpl, key
	if ca != nil {
		parent, signer = ca.Certificate, ca.Key
	}
	der, err := x509.CreateCertificate(rand.Reader, tpl, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Pair{Certificate: cert, Key: key}, nil
}
