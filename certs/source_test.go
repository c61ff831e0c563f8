package certs_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"testing"

	"github.com/socksctl/socksctl/certs"
)

// source is a certs.Source with what it is given.
type source struct {
	certificate *tls.Certificate // nil: there is none yet
	asked       map[string]*tls.Certificate
}

var errNotThere = errors.New("not there")

func (s *source) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if s.certificate == nil {
		return nil, errNotThere
	}
	return s.certificate, nil
}

func (s *source) Challenge(name string) (*tls.Certificate, error) {
	if c := s.asked[name]; c != nil {
		return c, nil
	}
	return nil, errNotThere
}

func (s *source) Leaf() *x509.Certificate {
	if s.certificate == nil {
		return nil
	}
	return s.certificate.Leaf
}

// validator is what a certificate authority connects with.
func validator(name string, alpn ...string) *tls.Config {
	return &tls.Config{ServerName: name, NextProtos: alpn, InsecureSkipVerify: true}
}

// tickets counts what a client is given to resume by.
type tickets struct {
	tls.ClientSessionCache
	got int
}

func (t *tickets) Put(key string, state *tls.ClientSessionState) {
	t.got++
	t.ClientSessionCache.Put(key, state)
}

func newTickets() *tickets { return &tickets{ClientSessionCache: tls.NewLRUClientSessionCache(8)} }

func TestSourceMutualTLS(t *testing.T) {
	ca := newCA(t, "net")
	cas := []*x509.Certificate{ca.Certificate}
	s := new(source)
	server := newServer(t, certs.ServerConfig{Source: s, ClientCAs: cas})
	if server.Certificate() != nil || !server.NotAfter().IsZero() {
		t.Errorf("without a certificate: got %v until %v", server.Certificate(), server.NotAfter())
	}
	alice := newClient(t, certs.ClientConfig{CAs: cas, Certificate: pairOf(t)(ca.Client("alice", certs.Options{})).TLS()}).TLSConfig("localhost")
	o := meet(t, server.TLSConfig(), alice)
	if !errors.Is(o.serverErr, errNotThere) || certs.Reason(o.clientErr) != certs.ReasonRefused {
		t.Errorf("without a certificate: server %v, client %v", o.serverErr, o.clientErr)
	}

	s.certificate = pairOf(t)(ca.Server([]string{"localhost"}, certs.Options{})).TLS()
	if mustMeet(t, server.TLSConfig(), alice); !server.NotAfter().Equal(s.certificate.Leaf.NotAfter) {
		t.Errorf("got %v, want the end of the source's", server.NotAfter())
	}
	if err := server.Reload(); err != nil {
		t.Errorf("reload: %v", err)
	}
	o = meet(t, server.TLSConfig(), newClient(t, certs.ClientConfig{CAs: cas}).TLSConfig("localhost"))
	if got := certs.Reason(o.serverErr); got != certs.ReasonNoCertificate {
		t.Errorf("a stranger: got %q (%v), want %q", got, o.serverErr, certs.ReasonNoCertificate)
	}

	for _, config := range []certs.ServerConfig{{Certificate: s.certificate}, {CertFile: "a"}, {KeyFile: "a"}} {
		config.Source = s
		if _, err := certs.NewServer(config); err == nil {
			t.Errorf("%+v: no error", config)
		}
	}
}

// A certificate authority that asks for a name has no certificate of its own, and
// takes nothing with it; by no other protocol, and by this one beside another, a
// server that requires certificates lets nobody in.
func TestChallengeMutualTLS(t *testing.T) {
	ca := newCA(t, "net")
	cas := []*x509.Certificate{ca.Certificate}
	ours := pairOf(t)(ca.Server([]string{"localhost"}, certs.Options{})).TLS()
	answer := pairOf(t)(newCA(t, "answer").Server([]string{"localhost"}, certs.Options{})).TLS()
	server := newServer(t, certs.ServerConfig{
		Source:    &source{certificate: ours, asked: map[string]*tls.Certificate{"localhost": answer}},
		ClientCAs: cas, ALPN: []string{"socksctl/1"},
	})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			asks, cache := validator("localhost", certs.ALPNChallenge), newTickets()
			asks.MaxVersion, asks.ClientSessionCache = version, cache
			for range 2 {
				o := mustMeet(t, server.TLSConfig(), asks)
				if got := o.client.PeerCertificates[0]; !got.Equal(answer.Leaf) || o.client.NegotiatedProtocol != certs.ALPNChallenge || o.client.DidResume {
					t.Errorf("got the certificate of %v, protocol %q, resumed %v", got.Issuer, o.client.NegotiatedProtocol, o.client.DidResume)
				}
			}
			if cache.got != 0 {
				t.Errorf("got %d tickets, want none", cache.got)
			}
			unknown := validator("elsewhere", certs.ALPNChallenge)
			unknown.MaxVersion = version
			if o := meet(t, server.TLSConfig(), unknown); o.clientErr == nil || len(o.client.PeerCertificates) != 0 {
				t.Errorf("a name that is not in question: got %v and %d certificates, want an error and none", o.clientErr, len(o.client.PeerCertificates))
			}
			for _, alpn := range [][]string{
				nil, {"h2"}, {"socksctl/1"}, {certs.ALPNChallenge, "socksctl/1"}, {"socksctl/1", certs.ALPNChallenge},
				{certs.ALPNChallenge, "h2"}, {certs.ALPNChallenge, certs.ALPNChallenge},
			} {
				stranger := validator("localhost", alpn...)
				stranger.MaxVersion = version
				o := meet(t, server.TLSConfig(), stranger)
				if got := certs.Reason(o.serverErr); got != certs.ReasonNoCertificate || o.serverGot+o.clientGot != "" {
					t.Errorf("%q: got %q (%v), %q and %q, want %q", alpn, got, o.serverErr, o.serverGot, o.clientGot, certs.ReasonNoCertificate)
				}
			}
		})
	}
}

// The ticket of one who was let in is of no use for a challenge, and a server
// without a Source knows no challenges.
func TestChallengeResumesNothingMutualTLS(t *testing.T) {
	ca := newCA(t, "net")
	cas := []*x509.Certificate{ca.Certificate}
	ours := pairOf(t)(ca.Server([]string{"localhost"}, certs.Options{})).TLS()
	server := newServer(t, certs.ServerConfig{Source: &source{certificate: ours, asked: map[string]*tls.Certificate{"localhost": ours}}, ClientCAs: cas})
	cache := newTickets()
	alice := validator("localhost")
	alice.ClientSessionCache, alice.Certificates = cache, []tls.Certificate{*pairOf(t)(ca.Client("alice", certs.Options{})).TLS()}
	mustMeet(t, server.TLSConfig(), alice)
	if o := mustMeet(t, server.TLSConfig(), alice); !o.client.DidResume || cache.got == 0 {
		t.Errorf("alice: resumed %v by %d tickets", o.client.DidResume, cache.got)
	}
	asks := validator("localhost", certs.ALPNChallenge)
	asks.ClientSessionCache = cache
	if o := mustMeet(t, server.TLSConfig(), asks); o.client.DidResume || o.server.DidResume {
		t.Error("the ticket of a session was taken for a challenge")
	}
	plain := newServer(t, certs.ServerConfig{Certificate: ours, ClientCAs: cas})
	o := meet(t, plain.TLSConfig(), validator("localhost", certs.ALPNChallenge))
	if got := certs.Reason(o.serverErr); got != certs.ReasonNoCertificate {
		t.Errorf("without a Source: got %q (%v), want %q", got, o.serverErr, certs.ReasonNoCertificate)
	}
}
