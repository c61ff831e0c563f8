package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// verdictsKept bounds how many verdicts are remembered. Who is not trusted
// cannot fill them: only good ones are kept.
const verdictsKept = 4096

// verdicts remembers which certificates were found good against one set of CAs,
// so that a peer who comes back costs no check of signatures: a session that is
// resumed is judged again, and that would be most of its cost. It belongs to what
// is in force and is thrown away with it, at a reload. It never says no: what is
// not remembered, or was found good at another time than the dates of all its
// certificates allow, is verified anew. The zero value is ready for use.
type verdicts struct {
	good sync.Map // verdictKey to *verdict
	kept atomic.Int64
}

// verdictKey is the digest of a name and of certificates as a peer shows them.
type verdictKey [sha256.Size]byte

// verdict is that certificates are good.
type verdict struct {
	shown  []*x509.Certificate
	chains [][]*x509.Certificate
	// Every certificate of the chains is within its dates from one to the other.
	from, until time.Time
}

// keyOf returns the key of the certificates that a peer shows for name.
func keyOf(name string, shown []*x509.Certificate) (key verdictKey) {
	h := sha256.New()
	_, _ = io.WriteString(h, name)
	_, _ = h.Write([]byte{0}) // ends the name: DER ends itself
	for _, cert := range shown {
		_, _ = h.Write(cert.Raw)
	}
	h.Sum(key[:0])
	return key
}

// recall returns the verdict under key if it counts now, and else nil.
func (v *verdicts) recall(key verdictKey) *verdict {
	found, ok := v.good.Load(key)
	if !ok {
		return nil
	}
	known, now := found.(*verdict), time.Now()
	if now.Before(known.from) || now.After(known.until) {
		return nil
	}
	return known
}

// remember keeps that shown is good by way of chains. What there is too much of
// goes all at once: it is found again when it is next asked for.
func (v *verdicts) remember(key verdictKey, shown []*x509.Certificate, chains [][]*x509.Certificate) {
	if v.kept.Add(1) > verdictsKept {
		v.good.Clear()
		v.kept.Store(1)
	}
	known := &verdict{shown: shown, chains: chains}
	for _, chain := range chains {
		for _, cert := range chain {
			known.narrow(cert)
		}
	}
	v.good.Store(key, known)
}

// narrow makes the verdict count only within the dates of cert as well.
func (v *verdict) narrow(cert *x509.Certificate) {
	if cert.NotBefore.After(v.from) {
		v.from = cert.NotBefore
	}
	if v.until.IsZero() || cert.NotAfter.Before(v.until) {
		v.until = cert.NotAfter
	}
}

// share makes a connection hold the certificates that the verdict has in place
// of its own, which are the same, so that the many connections of one peer keep
// them in memory once. crypto/tls lets the slices of cs be its own.
func (v *verdict) share(cs tls.ConnectionState) {
	copy(cs.PeerCertificates, v.shown)
	for _, chain := range cs.VerifiedChains {
		copy(chain, v.shown[:1])
	}
}
