package check

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
)

// The causes that a refused client certificate can be told apart by, with what this
// end knows of it.
const (
	CauseClientExpired client.Cause = "client_expired"       // by this host's clock
	CauseClientClock   client.Cause = "client_clock"         // by the server's, and not by this host's
	CauseClientCA      client.Cause = "client_wrong_ca"      // the server takes those of others
	CauseClientUsage   client.Cause = "client_wrong_usage"   // it is not for clients
	CauseClientRevoked client.Cause = "client_maybe_revoked" // nothing else is wrong with it, for all that this end knows
)

// soon is when the end of a certificate becomes worth a warning.
const soon = 14 * 24 * time.Hour

// certificateFound reports the server's certificate, which is good.
func certificateFound(leaf *x509.Certificate) Step {
	info := certs.Describe(leaf)
	found := fmt.Sprintf("%q for %s, issued by %q, ends %s", info.Subject, list(info.Names), info.Issuer, end(leaf))
	s := Step{Name: StepCertificate, Status: OK, Found: found}
	if left := time.Until(leaf.NotAfter); left < soon {
		s.Status, s.Why = Warning, "it ends soon"
		s.Next = "make a new one with \"socksctl cert server\", and the server takes it up"
		if left < 0 { // a pin alone counts
			s.Why = "it has ended, and counts by its pin"
		}
	}
	return s
}

// list returns the first few names.
func list(names []string) string {
	const few = 4
	if len(names) == 0 {
		return "no name"
	}
	text := fmt.Sprintf("%q", names[:min(len(names), few)])
	if more := len(names) - few; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return strings.Trim(text, "[]")
}

// end returns when a certificate ends.
func end(cert *x509.Certificate) string {
	return fmt.Sprintf("%s (%d days)", cert.NotAfter.UTC().Format(time.DateOnly), int(time.Until(cert.NotAfter).Hours())/24)
}

// clientFound reports the client's certificate, which the server has not refused.
func (t *tap) clientFound() Step {
	s := Step{Name: StepClient, Status: OK, Found: "not asked for"}
	switch {
	case t.asked != nil && t.shown == nil:
		s.Found = "asked for and not given, which the server puts up with"
	case t.shown != nil:
		s.Found = fmt.Sprintf("%q, accepted, ends %s", t.shown.Subject.String(), end(t.shown))
		if time.Until(t.shown.NotAfter) < soon {
			s.Status, s.Why, s.Next = Warning, "it ends soon", "make a new one with \"socksctl cert client\""
		}
	}
	return s
}

// missing completes the report of a client certificate that the server wants.
func (t *tap) missing(s Step) Step {
	s.Cause, s.Why = client.CauseNoClient, "none was given: "+s.Why
	s.Next = "give one with --cert and --key"
	if cas := t.accepted(); len(cas) > 0 {
		s.Next += fmt.Sprintf(", of %s", strings.Join(cas, " or "))
	}
	return s
}

// refused completes the report of a client certificate that the server refused.
func (t *tap) refused(s Step) Step {
	cert, now := t.shown, time.Now()
	dates := fmt.Sprintf("%s to %s", cert.NotBefore.UTC().Format(time.RFC3339), cert.NotAfter.UTC().Format(time.RFC3339))
	clock := "this host's clock says " + now.UTC().Format(time.RFC3339)
	alert, _ := certs.Alert(s.Err)
	const expired = 45
	switch cas := t.accepted(); {
	case now.After(cert.NotAfter), now.Before(cert.NotBefore):
		s.Cause = CauseClientExpired
		s.Next = fmt.Sprintf("it is good from %s, and %s: make a new one with \"socksctl cert client\", or set the clock", dates, clock)
	case alert == expired:
		s.Cause = CauseClientClock
		s.Next = fmt.Sprintf("it is good from %s, and %s: one of the two clocks is wrong, the server's or this one", dates, clock)
	case len(cas) > 0 && !t.issuedByAccepted():
		s.Cause = CauseClientCA
		s.Next = fmt.Sprintf("the server takes those of %s, and this one is of %q: give one that \"socksctl cert client\" made where that CA is", strings.Join(cas, " or "), cert.Issuer.String())
	case !slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageClientAuth) && len(cert.ExtKeyUsage) > 0:
		s.Cause = CauseClientUsage
		s.Next = "it is not meant for clients: make one with \"socksctl cert client\""
	case len(cas) > 0:
		s.Cause = CauseClientRevoked
		s.Next = "its dates, its issuer and its use are right, so it may be revoked: the server's log says so; then a new one takes a new name or key"
	}
	return s
}

// accepted returns the CAs that the server names.
func (t *tap) accepted() (names []string) {
	for _, raw := range t.asked.AcceptableCAs {
		var seq pkix.RDNSequence
		if rest, err := asn1.Unmarshal(raw, &seq); err == nil && len(rest) == 0 {
			names = append(names, fmt.Sprintf("%q", seq.String()))
		}
	}
	return names
}

func (t *tap) issuedByAccepted() bool {
	return slices.ContainsFunc(t.asked.AcceptableCAs, func(raw []byte) bool { return bytes.Equal(raw, t.shown.RawIssuer) })
}
