package certs_test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"testing/synctest"
	"time"

	"github.com/socksctl/socksctl/certs"
)

// returning is a peer with one certificate, and the verdict that the other end
// has on it whenever it comes back.
type returning struct {
	state tls.ConnectionState
	judge func(tls.ConnectionState) error
}

func (r returning) verdict() error { return r.judge(r.state) }

// remembered returns a peer whose certificate has been found good.
func remembered(t *testing.T, p *certs.Pair, judge func(tls.ConnectionState) error) returning {
	t.Helper()
	r := returning{tls.ConnectionState{DidResume: true, PeerCertificates: []*x509.Certificate{p.Certificate}}, judge}
	if err := r.verdict(); err != nil {
		t.Fatal(err)
	}
	return r
}

// toServer judges as a server does now, and after each reload as it does then.
func toServer(t *testing.T, s *certs.Server) func(tls.ConnectionState) error {
	return func(cs tls.ConnectionState) error {
		t.Helper()
		inForce, err := s.TLSConfig().GetConfigForClient(new(tls.ClientHelloInfo))
		if err != nil {
			t.Fatal(err)
		}
		return inForce.VerifyConnection(cs)
	}
}

// shortLived is a network whose CA ends half an hour from now, and its client's
// and server's certificates after validity.
func shortLived(t *testing.T, validity time.Duration) (n network, alice, server *certs.Pair) {
	t.Helper()
	n = newNetwork(t)
	alice = pairOf(t)(n.ca.Client("alice", certs.Options{Validity: validity}))
	server = pairOf(t)(n.ca.Server([]string{"localhost"}, certs.Options{Validity: validity}))
	n.write(t, "alice", alice)
	n.write(t, "server", server)
	n.write(t, "bob", pairOf(t)(n.ca.Client("bob", certs.Options{})))
	n.write(t, "ca", &ended(t, n.ca, time.Now().Add(30*time.Minute)).Pair)
	return n, alice, server
}

// What a server and a client have found good is good for as long as it would be
// found so: not past the end of any certificate on the way to the CA, and not
// with another CA or CRL.
func TestRememberedIsNotForEver(t *testing.T) {
	const minute = time.Minute
	for name, tt := range map[string]struct {
		validity         time.Duration
		change           func(*testing.T, network)
		server, ofClient string // the reasons
	}{
		"nothing": {60 * minute, func(*testing.T, network) {}, "", ""},
		"wait":    {60 * minute, func(*testing.T, network) { time.Sleep(29 * minute) }, "", ""},
		"end":     {10 * minute, func(*testing.T, network) { time.Sleep(11 * minute) }, certs.ReasonExpired, certs.ReasonExpired},
		"CA end":  {60 * minute, func(*testing.T, network) { time.Sleep(31 * minute) }, certs.ReasonExpired, certs.ReasonExpired},
		"CRL":     {60 * minute, func(t *testing.T, n network) { n.revoke(t, "alice") }, certs.ReasonRevoked, ""},
		"another": {60 * minute, func(t *testing.T, n network) { n.revoke(t, "eve") }, "", ""},
		"CA": {60 * minute, func(t *testing.T, n network) {
			other := newNetwork(t)
			other.write(t, "x", pairOf(t)(other.ca.Client("x", certs.Options{})))
			other.revoke(t, "x")
			other.dir, n.ca = n.dir, other.ca
			n.write(t, "ca", &other.ca.Pair)
		}, certs.ReasonUnknownCA, certs.ReasonUnknownCA},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, alice, own := shortLived(t, tt.validity)
				n.write(t, "eve", pairOf(t)(n.ca.Client("eve", certs.Options{})))
				c := n.server()
				if name != "CA" { // the list would be of the CA before
					n.revoke(t, "bob")
					c.CRLFile = n.path("crl.pem")
				}
				server, client := newServer(t, c), newClient(t, n.client())
				atServer := remembered(t, alice, toServer(t, server))
				atClient := remembered(t, own, client.TLSConfig("localhost").VerifyConnection)
				tt.change(t, n)
				reload(t, server)
				reload(t, client)
				for range 2 { // what was refused is refused again
					if err := atServer.verdict(); certs.Reason(err) != tt.server {
						t.Errorf("server: got %v, want reason %q", err, tt.server)
					}
					if err := atClient.verdict(); certs.Reason(err) != tt.ofClient {
						t.Errorf("client: got %v, want reason %q", err, tt.ofClient)
					}
				}
			})
		})
	}
}

// Judging again what is remembered verifies no signature: that allocates.
func TestRememberedIsNotVerifiedAgain(t *testing.T) {
	n, alice, own := shortLived(t, time.Hour)
	server, client := newServer(t, n.server()), newClient(t, n.client())
	for end, peer := range map[string]returning{
		"server": remembered(t, alice, toServer(t, server)),
		"client": remembered(t, own, client.TLSConfig("localhost").VerifyConnection),
	} {
		if got := testing.AllocsPerRun(100, func() { peer.verdict() }); got > 5 {
			t.Errorf("%s: %v allocations to judge a certificate again, want 5 at most", end, got)
		}
	}
}

// A certificate is remembered for the name that it was good for.
func TestRememberedIsForOneName(t *testing.T) {
	n := newNetwork(t)
	own := pairOf(t)(n.ca.Server([]string{"localhost", "proxy.test"}, certs.Options{}))
	client := newClient(t, n.client())
	peer := remembered(t, own, client.TLSConfig("localhost").VerifyConnection)
	for name, want := range map[string]string{"proxy.test": "", "other.test": certs.ReasonWrongName, "": certs.ReasonWrongName} {
		if err := client.TLSConfig(name).VerifyConnection(peer.state); certs.Reason(err) != want {
			t.Errorf("%q: got %v, want reason %q", name, err, want)
		}
	}
}

// The connections of one peer hold its certificate in memory once.
func TestConnectionsShareCertificates(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		n := newNetwork(t)
		server, client := newServer(t, n.server()), newClient(t, n.client())
		config := capped(client.TLSConfig("localhost"), version)
		config.ClientSessionCache = nil
		first, second := mustMeet(t, server.TLSConfig(), config).server, mustMeet(t, server.TLSConfig(), config).server
		if second.DidResume {
			t.Fatal("the second is a resumed one")
		}
		if first.PeerCertificates[0] != second.PeerCertificates[0] || first.VerifiedChains[0][0] != second.VerifiedChains[0][0] {
			t.Error("each has a certificate of its own")
		}
	})
}
