package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// asked is a certs.Source with one certificate for everything.
type asked struct{ *tls.Certificate }

func (a asked) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return a.Certificate, nil
}
func (a asked) Challenge(string) (*tls.Certificate, error) { return a.Certificate, nil }
func (a asked) Leaf() *x509.Certificate                    { return a.Certificate.Leaf }

// A certificate authority that asks for a name gets its handshake and not a byte of
// SOCKS, whatever it says; offered beside another protocol, that of challenges opens
// nothing.
func TestChallengeMutualTLS(t *testing.T) {
	k := newKeys(t)
	source, err := certs.NewServer(certs.ServerConfig{
		Source: asked{k.server.TLS()}, ClientCAs: []*x509.Certificate{k.ca.Certificate}, ALPN: []string{"socksctl/1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	h := start(t, &server.Server{TLS: source.TLSConfig()})
	target, reached := origin(t)
	addr, err := socks5.ParseAddr(target)
	if err != nil {
		t.Fatal(err)
	}
	attempt := socks5.AppendAddr([]byte{5, 1, 0, 5, 1, 0}, addr) // greeting and request
	c := k.dial(t, h.dial(t), false, certs.ALPNChallenge)
	send(t, c, attempt...)
	ended(t, c)
	c.Close() // which the server would wait for
	s := h.record(t)
	if s.EndReason() != server.EndUnasked || s.Stage() != server.StageTLS || s.Refused() || s.Command != "" {
		t.Errorf("got %v in stage %v (%v), want %v", s.EndReason(), s.Stage(), s.Err(), server.EndUnasked)
	}

	for _, alpn := range [][]string{{certs.ALPNChallenge, "socksctl/1"}, {"socksctl/1", certs.ALPNChallenge}, {certs.ALPNChallenge, "h2"}} {
		config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost", NextProtos: alpn}
		config.RootCAs.AddCert(k.ca.Certificate)
		c := tls.Client(h.dial(t), config)
		err := c.Handshake()
		if err == nil {
			_, _ = c.Write(attempt) // fails, if it comes to that, as the read does
			_, err = c.Read(make([]byte, 1))
		}
		c.Close()
		if _, alert := certs.Alert(err); !alert {
			t.Errorf("%q: got %v, want an alert", alpn, err)
		}
		if s := h.record(t); s.EndReason() != server.EndTLS {
			t.Errorf("%q: got %v (%v), want %v", alpn, s.EndReason(), s.Err(), server.EndTLS)
		}
	}
	if len(h.opened) != 0 || len(reached) != 0 {
		t.Errorf("%d sessions were admitted, and %d reached the target", len(h.opened), len(reached))
	}
}
