package certs

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"
)

// distrust is a certificate of a server that will not do, and what the client
// knows beside it.
type distrust struct {
	leaf *x509.Certificate
	name string              // that it should have
	cas  []*x509.Certificate // one of which should have issued it; none: those of the system count
	now  time.Time
	past dated // has come by now, if the clock is right
}

// dated is something that was made at a time.
type dated struct {
	what string
	at   time.Time
}

// explain says what is wrong, given the error of the verification, and what may be
// done about it.
func (d distrust) explain(err error) *Error {
	switch reason := Reason(err); reason {
	case ReasonUnknownCA:
		return d.unknown(err)
	case ReasonExpired, ReasonNotYetValid:
		return d.dates(err)
	case ReasonWrongName:
		return &Error{reason, d.wrongName(), fmt.Errorf("the server's certificate: %w", err)}
	case ReasonKeyUsage:
		hint := "it is not meant for servers: make one with \"socksctl cert server\""
		return &Error{reason, hint, fmt.Errorf("the server's certificate: %w", err)}
	default:
		return &Error{Reason: reason, Err: fmt.Errorf("the server's certificate: %w", err)}
	}
}

// unknown tells apart why there is no way from the certificate to a CA. Its name
// is right then: that is looked at first.
func (d distrust) unknown(err error) *Error {
	issuer := d.leaf.Issuer.String()
	switch {
	case d.selfSigned():
		return &Error{ReasonUnknownCA, d.howToTrust(), fmt.Errorf("the server's certificate: signed by itself: %w", err)}
	case d.namesake():
		hint := "the CA was made anew, or there are two: take ca.crt from where the server's certificate was made"
		return &Error{ReasonUnknownCA, hint, fmt.Errorf("the server's certificate: its issuer %q has the name of the CA given, and another key: %w", issuer, err)}
	case len(d.cas) > 0:
		hint := "something on the way may open TLS (a firewall, a virus scanner): use another network, or have it leave this server alone; " +
			"if \"socksctl cert show\" on the server names that issuer as well, give its certificate with --ca"
		return &Error{ReasonForeignCA, hint, fmt.Errorf("the server's certificate: it has the right name and a foreign issuer, %q: %w", issuer, err)}
	}
	return &Error{ReasonUnknownCA, d.howToTrust(), fmt.Errorf("the server's certificate: its issuer is %q: %w", issuer, err)}
}

func (d distrust) selfSigned() bool { return bytes.Equal(d.leaf.RawIssuer, d.leaf.RawSubject) }

// namesake tells whether a CA is called as the issuer is.
func (d distrust) namesake() bool {
	for _, ca := range d.cas {
		if bytes.Equal(ca.RawSubject, d.leaf.RawIssuer) {
			return true
		}
	}
	return false
}

// howToTrust says how the certificate can come to be trusted.
func (d distrust) howToTrust() string {
	pin := fmt.Sprintf("--pin %s in place of --ca, once \"socksctl cert show\" on the server prints the same", SPKIPin(d.leaf))
	switch {
	case len(d.leaf.DNSNames)+len(d.leaf.IPAddresses) == 0:
		return "it names no host: trust it by " + pin + ", or make one with \"socksctl cert server\""
	case !d.selfSigned():
		return "give its CA with --ca, or trust it by " + pin + "; if it should be of a public CA, then something on the way opens TLS"
	}
	return "give its CA with --ca, or trust it by " + pin + "; \"socksctl cert server\" makes certificates of a CA of your own"
}

// wrongName offers a name that the certificate has.
func (d distrust) wrongName() string {
	has := ""
	for _, name := range d.leaf.DNSNames {
		if has == "" && !strings.Contains(name, "*") {
			has = name
		}
	}
	if has == "" && len(d.leaf.IPAddresses) > 0 {
		has = d.leaf.IPAddresses[0].String()
	}
	switch {
	case has != "":
		return fmt.Sprintf("if that is the server you mean, give --server-name %s; else make a certificate with \"socksctl cert server --host %s\"", has, d.name)
	case len(d.leaf.DNSNames) == 0:
		return d.howToTrust()
	}
	return "give the right one with --server-name, or make a certificate for this one with \"socksctl cert server\""
}

// dates explains a certificate that is out of its dates, the server's or one above
// it: it may be at fault, or the clock.
func (d distrust) dates(err error) *Error {
	what, remedy, cert := "the server's certificate", "make a new one with \"socksctl cert server\"", d.leaf
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && !invalid.Cert.Equal(d.leaf) {
		what, remedy, cert = "the CA of the server's certificate", "make a CA and certificates of it anew", invalid.Cert
	}
	clock := d.now.UTC().Format(time.RFC3339)
	if d.now.After(cert.NotAfter) {
		hint := fmt.Sprintf("%s, unless this host's clock is wrong: it says %s", remedy, clock)
		return &Error{ReasonExpired, hint, fmt.Errorf("%s expired %s: %w", what, ago(cert.NotAfter, d.now), err)}
	}
	hint := fmt.Sprintf("this host's clock says %s: if that is late, set it; if not, the clock where the certificate was made is ahead", clock)
	if d.now.Before(d.past.at) {
		hint = fmt.Sprintf("this host's clock is behind: it says %s, and %s is of %s; set it", clock, d.past.what, d.past.at.UTC().Format(time.RFC3339))
	}
	return &Error{ReasonNotYetValid, hint, fmt.Errorf("%s is not valid yet, it begins %s: %w", what, ago(cert.NotBefore, d.now), err)}
}

// ago says how far at is from now, in the unit that matters.
func ago(at, now time.Time) string {
	d := now.Sub(at).Abs()
	text := d.Round(time.Second).String()
	for _, unit := range []struct {
		name string
		of   time.Duration
	}{{"days", 24 * time.Hour}, {"hours", time.Hour}, {"minutes", time.Minute}} {
		if n := (d + unit.of/2) / unit.of; n >= 2 {
			text = fmt.Sprintf("%d %s", n, unit.name)
			break
		}
	}
	if at.After(now) {
		return "in " + text
	}
	return text + " ago"
}
