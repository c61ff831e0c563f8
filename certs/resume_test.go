package certs_test

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"testing"

	"github.com/socksctl/socksctl/certs"
)

// network is a CA and the files of a server and a client, in a directory.
type network struct {
	dir string
	ca  *certs.CA
}

func newNetwork(t *testing.T) network {
	t.Helper()
	n := network{t.TempDir(), newCA(t, "net")}
	n.write(t, "ca", &n.ca.Pair)
	n.write(t, "server", pairOf(t)(n.ca.Server([]string{"localhost"}, certs.Options{})))
	n.write(t, "alice", pairOf(t)(n.ca.Client("alice", certs.Options{})))
	return n
}

func (n network) path(name string) string { return filepath.Join(n.dir, name) }

func (n network) write(t *testing.T, name string, p *certs.Pair) {
	t.Helper()
	if err := p.Write(n.dir, name, true); err != nil {
		t.Fatal(err)
	}
}

func (n network) revoke(t *testing.T, name string) {
	t.Helper()
	if err := n.ca.Revoke(n.dir, name); err != nil {
		t.Fatal(err)
	}
}

func (n network) server() certs.ServerConfig {
	return certs.ServerConfig{CertFile: n.path("server.crt"), KeyFile: n.path("server.key"), ClientCAFile: n.path("ca.crt")}
}

func (n network) client() certs.ClientConfig {
	return certs.ClientConfig{CAFile: n.path("ca.crt"), CertFile: n.path("alice.crt"), KeyFile: n.path("alice.key")}
}

func resumes(t *testing.T, server, client *tls.Config, want bool) {
	t.Helper()
	o := mustMeet(t, server, client)
	if o.server.DidResume != want || o.client.DidResume != want {
		t.Errorf("got resumed %v at the server, %v at the client, want %v", o.server.DidResume, o.client.DidResume, want)
	}
	if len(o.server.VerifiedChains) == 0 {
		t.Error("the server has no verified chain")
	}
}

func reload(t *testing.T, s interface{ Reload() error }) {
	t.Helper()
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
}

// Tickets are good across a reload that changes neither client CA nor CRL.
func TestMutualTLSResumes(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		n := newNetwork(t)
		server, client := newServer(t, n.server()), newClient(t, n.client())
		config := capped(client.TLSConfig("localhost"), version)
		resumes(t, server.TLSConfig(), config, false)
		resumes(t, server.TLSConfig(), config, true)
		n.write(t, "server", pairOf(t)(n.ca.Server([]string{"localhost"}, certs.Options{})))
		before := server.Certificate()
		reload(t, server)
		if server.Certificate().Equal(before) {
			t.Fatal("the reload changed nothing")
		}
		resumes(t, server.TLSConfig(), config, true)
	})
}

// conformance 70: a resumed session is held against what is in force now.
func TestMutualTLSResumedIsChecked(t *testing.T) {
	tests := map[string]struct {
		change func(*testing.T, network)
		reason string
	}{
		"client CA": {func(t *testing.T, n network) { n.write(t, "ca", &newCA(t, "other").Pair) }, certs.ReasonUnknownCA},
		"CRL":       {func(t *testing.T, n network) { n.revoke(t, "alice") }, certs.ReasonRevoked},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			eachVersion(t, func(t *testing.T, version uint16) {
				n := newNetwork(t)
				n.write(t, "bob", pairOf(t)(n.ca.Client("bob", certs.Options{})))
				n.revoke(t, "bob")
				c := n.server()
				c.CRLFile = n.path("crl.pem")
				if name == "client CA" {
					c.CRLFile = ""
				}
				server, client := newServer(t, c), newClient(t, n.client())
				config := capped(client.TLSConfig("localhost"), version)
				resumes(t, server.TLSConfig(), config, false)
				resumes(t, server.TLSConfig(), config, true)
				tt.change(t, n)
				reload(t, server)
				o := meet(t, server.TLSConfig(), config)
				if got := certs.Reason(o.serverErr); got != tt.reason {
					t.Errorf("got %q (%v), want %q", got, o.serverErr, tt.reason)
				}
				if o.serverGot != "" || o.clientGot != "" {
					t.Errorf("bytes moved: %q, %q", o.serverGot, o.clientGot)
				}
			})
		})
	}
}

// The client does not resume as whom it was, nor with whom it does not trust
// any more.
func TestTLSClientReload(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		n := newNetwork(t)
		server, client := newServer(t, n.server()), newClient(t, n.client())
		config := capped(client.TLSConfig("localhost"), version)
		resumes(t, server.TLSConfig(), config, false)
		resumes(t, server.TLSConfig(), config, true)
		reload(t, client) // nothing changed
		resumes(t, server.TLSConfig(), config, true)

		n.write(t, "alice", pairOf(t)(n.ca.Client("bob", certs.Options{})))
		reload(t, client)
		o := mustMeet(t, server.TLSConfig(), config)
		if id, _ := certs.PeerIdentity(o.server.PeerCertificates[0], ""); id != "bob" || o.server.DidResume {
			t.Errorf("got %q, resumed %v, want bob, anew", id, o.server.DidResume)
		}
		n.write(t, "ca", &newCA(t, "other").Pair)
		reload(t, client)
		if o := meet(t, server.TLSConfig(), config); certs.Reason(o.clientErr) != certs.ReasonForeignCA {
			t.Errorf("got %v, want a foreign CA", o.clientErr)
		}
	})
}

func TestTLSReloadKeepsTheLastGood(t *testing.T) {
	n := newNetwork(t)
	n.write(t, "bob", pairOf(t)(n.ca.Client("bob", certs.Options{})))
	n.revoke(t, "bob")
	forged := newNetwork(t)
	forged.revoke(t, "alice")
	forgedCRL, err := os.ReadFile(forged.path("crl.pem"))
	if err != nil {
		t.Fatal(err)
	}
	c := n.server()
	c.CRLFile = n.path("crl.pem")
	server, client := newServer(t, c), newClient(t, n.client())
	for file, bad := range map[string]string{
		"server.crt": "", "server.key": "nonsense", "ca.crt": "nonsense", "crl.pem": string(forgedCRL), "alice.key": "",
	} {
		good, err := os.ReadFile(n.path(file))
		if err != nil {
			t.Fatal(err)
		}
		put := func(content string) {
			if err := os.WriteFile(n.path(file), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		put(bad)
		if err := server.Reload(); (err == nil) != (file == "alice.key") {
			t.Errorf("%s: server: got %v", file, err)
		}
		if err := client.Reload(); (err == nil) != (file != "alice.key" && file != "ca.crt") {
			t.Errorf("%s: client: got %v", file, err)
		}
		mustMeet(t, server.TLSConfig(), client.TLSConfig("localhost"))
		put(string(good))
	}
}
