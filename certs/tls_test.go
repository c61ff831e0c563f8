package certs_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/socksctl/socksctl/certs"
)

func plainServer(t *testing.T, ca *certs.CA, c certs.ServerConfig) *certs.Server {
	t.Helper()
	c.Certificate = pairOf(t)(ca.Server([]string{"localhost"}, certs.Options{})).TLS()
	return newServer(t, c)
}

func TestTLSServerName(t *testing.T) {
	ca := newCA(t, "net")
	server := plainServer(t, ca, certs.ServerConfig{})
	pin := certs.SPKIPin(server.Certificate())
	other := "sha256/" + strings.Repeat("A", 43) + "="
	cas := []*x509.Certificate{ca.Certificate}
	tests := map[string]struct {
		client       certs.ClientConfig
		name, reason string
	}{
		"good":              {certs.ClientConfig{CAs: cas}, "localhost", ""},
		"wrong name":        {certs.ClientConfig{CAs: cas}, "elsewhere", certs.ReasonWrongName},
		"no name":           {certs.ClientConfig{CAs: cas}, "", certs.ReasonWrongName},
		"given name":        {certs.ClientConfig{CAs: cas, ServerName: "localhost"}, "elsewhere", ""},
		"system roots":      {certs.ClientConfig{}, "localhost", certs.ReasonUnknownCA},
		"other CA":          {certs.ClientConfig{CAs: []*x509.Certificate{newCA(t, "net").Certificate}}, "localhost", certs.ReasonUnknownCA},
		"pin":               {certs.ClientConfig{Pins: []string{other, pin}}, "elsewhere", ""},
		"other pin":         {certs.ClientConfig{Pins: []string{other}}, "localhost", certs.ReasonPinMismatch},
		"CA and pin":        {certs.ClientConfig{CAs: cas, Pins: []string{pin}}, "localhost", ""},
		"CA and other pin":  {certs.ClientConfig{CAs: cas, Pins: []string{other}}, "localhost", certs.ReasonPinMismatch},
		"pin and bad name":  {certs.ClientConfig{CAs: cas, Pins: []string{pin}}, "elsewhere", certs.ReasonWrongName},
		"TLS 1.3 is enough": {certs.ClientConfig{CAs: cas, MinVersion: tls.VersionTLS13}, "localhost", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			config := newClient(t, tt.client).TLSConfig(tt.name)
			for range 2 { // the second one resumes, if it comes to that
				o := meet(t, server.TLSConfig(), config)
				if got := certs.Reason(o.clientErr); got != tt.reason {
					t.Errorf("got %q (%v), want %q", got, o.clientErr, tt.reason)
				}
				if tt.reason != "" && o.serverGot != "" {
					t.Errorf("the server got %q", o.serverGot)
				}
				if tt.reason == "" && o.client.CurveID != tls.X25519MLKEM768 {
					t.Errorf("got curve %v, want X25519MLKEM768", o.client.CurveID)
				}
			}
		})
	}
}

func TestTLSServerCertificateUsageAndDates(t *testing.T) {
	ca := newCA(t, "net")
	past := time.Now().Add(-48 * time.Hour)
	client := newClient(t, certs.ClientConfig{CAs: []*x509.Certificate{ca.Certificate}})
	for reason, pair := range map[string]*certs.Pair{
		certs.ReasonKeyUsage:    pairOf(t)(ca.Client("alice", certs.Options{Names: []string{"localhost"}})),
		certs.ReasonExpired:     pairOf(t)(ca.Server([]string{"localhost"}, certs.Options{NotBefore: past, Validity: time.Hour})),
		certs.ReasonNotYetValid: pairOf(t)(ca.Server([]string{"localhost"}, certs.Options{NotBefore: time.Now().Add(time.Hour)})),
	} {
		o := meet(t, newServer(t, certs.ServerConfig{Certificate: pair.TLS()}).TLSConfig(), client.TLSConfig("localhost"))
		if got := certs.Reason(o.clientErr); got != reason {
			t.Errorf("got %q (%v), want %q", got, o.clientErr, reason)
		}
		if got := certs.Reason(o.serverErr); got != certs.ReasonRefused {
			t.Errorf("server: got %q (%v), want %q", got, o.serverErr, certs.ReasonRefused)
		}
	}
}

func TestTLSALPN(t *testing.T) {
	ca := newCA(t, "net")
	server := plainServer(t, ca, certs.ServerConfig{ALPN: []string{"ours/1"}})
	client := newClient(t, certs.ClientConfig{CAs: []*x509.Certificate{ca.Certificate}})
	for _, tt := range []struct {
		offer []string
		want  string
	}{{nil, ""}, {[]string{"h2"}, ""}, {[]string{"h2", "ours/1"}, "ours/1"}, {[]string{"ours/1"}, "ours/1"}} {
		config := client.TLSConfig("localhost")
		config.NextProtos = tt.offer
		if o := mustMeet(t, server.TLSConfig(), config); o.client.NegotiatedProtocol != tt.want || o.server.NegotiatedProtocol != tt.want {
			t.Errorf("%v: got %q, want %q", tt.offer, o.client.NegotiatedProtocol, tt.want)
		}
	}
}

// conformance 68
func TestTLSVersionAndSuites(t *testing.T) {
	ca := newCA(t, "net")
	cas := []*x509.Certificate{ca.Certificate}
	only13 := plainServer(t, ca, certs.ServerConfig{MinVersion: tls.VersionTLS13})
	o := meet(t, only13.TLSConfig(), capped(newClient(t, certs.ClientConfig{CAs: cas}).TLSConfig("localhost"), tls.VersionTLS12))
	if certs.Reason(o.serverErr) != certs.ReasonVersion || certs.Reason(o.clientErr) != certs.ReasonVersion {
		t.Errorf("got %v and %v, want a bad version at both ends", o.serverErr, o.clientErr)
	}
	if code, ok := certs.Alert(o.clientErr); code != 70 || !ok {
		t.Errorf("got alert %d, %v, want 70", code, ok)
	}
	server := plainServer(t, ca, certs.ServerConfig{})
	for name, config := range map[string]*tls.Config{
		"TLS 1.1": {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
		"CBC":     {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}},
		"RSA":     {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}},
	} {
		config.InsecureSkipVerify = true
		o := meet(t, server.TLSConfig(), config)
		if _, ok := certs.Alert(o.clientErr); !ok || o.serverErr == nil {
			t.Errorf("%s: got %v and %v, want an alert", name, o.serverErr, o.clientErr)
		}
	}
	for _, bad := range []uint16{tls.VersionTLS11, 7} {
		if _, err := certs.NewClient(certs.ClientConfig{MinVersion: bad}); err == nil {
			t.Errorf("minimum version %x is taken", bad)
		}
	}
}

func TestTLSReasonOfTransport(t *testing.T) {
	ca := newCA(t, "net")
	server := plainServer(t, ca, certs.ServerConfig{})
	for reason, speak := range map[string]func(net.Conn){
		certs.ReasonNotTLS:    func(c net.Conn) { c.Write([]byte{5, 1, 0, 0, 0, 0}) },
		certs.ReasonTruncated: func(c net.Conn) { c.Close() },
		certs.ReasonTimeout:   func(net.Conn) {},
	} {
		near, far := net.Pipe()
		go io.Copy(io.Discard, far) // ends when far is closed
		go speak(far)
		near.SetDeadline(time.Now().Add(100 * time.Millisecond))
		if err := tls.Server(near, server.TLSConfig()).Handshake(); certs.Reason(err) != reason {
			t.Errorf("got %q (%v), want %q", certs.Reason(err), err, reason)
		}
		near.Close()
		far.Close()
	}
	if certs.Reason(errors.New("x")) != certs.ReasonOther || certs.Reason(nil) != "" {
		t.Error("neither other nor none")
	}
}

func TestMutualTLSRequest(t *testing.T) {
	ca := newCA(t, "net")
	cas := []*x509.Certificate{ca.Certificate}
	server := plainServer(t, ca, certs.ServerConfig{ClientCAs: cas, ClientAuth: certs.ClientAuthRequest})
	without := mustMeet(t, server.TLSConfig(), newClient(t, certs.ClientConfig{CAs: cas}).TLSConfig("localhost"))
	if len(without.server.VerifiedChains) != 0 {
		t.Error("a chain from nowhere")
	}
	with := func(ca *certs.CA) certs.ClientConfig {
		return certs.ClientConfig{CAs: cas, Certificate: pairOf(t)(ca.Client("alice", certs.Options{})).TLS()}
	}
	good := mustMeet(t, server.TLSConfig(), newClient(t, with(ca)).TLSConfig("localhost"))
	if len(good.server.VerifiedChains) == 0 {
		t.Error("no chain")
	}
	bad := meet(t, server.TLSConfig(), newClient(t, with(newCA(t, "x"))).TLSConfig("localhost"))
	if certs.Reason(bad.serverErr) != certs.ReasonUnknownCA {
		t.Errorf("got %v, want an unknown CA", bad.serverErr)
	}
}

func TestMutualTLSConfigErrors(t *testing.T) {
	ca := newCA(t, "net")
	pair := pairOf(t)(ca.Server([]string{"localhost"}, certs.Options{})).TLS()
	for name, c := range map[string]certs.ServerConfig{
		"no certificate":     {},
		"require without CA": {Certificate: pair, ClientAuth: certs.ClientAuthRequire},
		"request without CA": {Certificate: pair, ClientAuth: certs.ClientAuthRequest},
		"CRL without CA":     {Certificate: pair, CRLFile: "crl.pem"},
		"CRL, no client":     {Certificate: pair, CRLFile: "crl.pem", ClientCAs: []*x509.Certificate{ca.Certificate}, ClientAuth: certs.ClientAuthNone},
		"other word":         {Certificate: pair, ClientAuth: "maybe"},
	} {
		if _, err := certs.NewServer(c); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	for _, pin := range []string{"", "sha256/", "sha1/AAAA", "sha256/AAAA", strings.Repeat("K", 44)} {
		_, err := certs.NewClient(certs.ClientConfig{Pins: []string{pin}})
		if err == nil || strings.Contains(err.Error(), "KK") {
			t.Errorf("pin %q: got %v", pin, err)
		}
	}
}
