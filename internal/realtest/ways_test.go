//go:build linux

package realtest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// pki is a directory with ca.crt, server.crt and server.key for localhost, and
// alice.crt and alice.key for a client, all made by socksctl cert.
type pki string

func (p pki) file(name string) string { return filepath.Join(string(p), name) }

// client returns the flags of a client that trusts p and shows alice's
// certificate.
func (p pki) client() []string {
	return []string{"--ca", p.file("ca.crt"), "--cert", p.file("alice.crt"), "--key", p.file("alice.key")}
}

// newPKI makes a CA of its own for the test.
func newPKI(t *testing.T) pki {
	t.Helper()
	dir, err := os.MkdirTemp("", "pki-")
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"ca", "--name", "realtest"},
		{"server", "--host", "localhost,127.0.0.1"},
		{"client", "--name", "alice"},
	} {
		mustRun(t, command(socksctl(t), append([]string{"cert", args[0], "--dir", dir}, args[1:]...)...))
	}
	return pki(dir)
}

var sharedPKI struct {
	once sync.Once
	pki  pki
}

// certificates returns the CA that most tests share.
func certificates(t *testing.T) pki {
	t.Helper()
	sharedPKI.once.Do(func() { sharedPKI.pki = newPKI(t) })
	if sharedPKI.pki == "" {
		t.Fatal("an earlier test could not make the certificates")
	}
	return sharedPKI.pki
}

var listening = regexp.MustCompile(`(?m)^listening on (\S+) \((socks5|socks5\+tls)\)$`)

// server is a running socksctl serve.
type server struct {
	plain string      // the address of the listener without TLS
	tls   string      // the address of the one that wants a client certificate
	said  *transcript // its log
}

// serve starts a server with both listeners. The TLS one speaks TLS 1.3 to
// clients with a certificate, and nothing else.
func serve(t *testing.T, extra ...string) server {
	t.Helper()
	keys := certificates(t)
	p := start(t, append([]string{
		"serve", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--tls-min", "1.3",
		"--tls-cert", keys.file("server.crt"), "--tls-key", keys.file("server.key"), "--client-ca", keys.file("ca.crt"),
	}, extra...)...)
	s := server{said: p.said}
	for _, line := range p.await(t, listening, 2) {
		if line[2] == "socks5" {
			s.plain = line[1]
		} else {
			s.tls = line[1]
		}
	}
	return s
}

// url is the server's address for a client with TLS, by the name that the
// certificate has.
func (s server) url() string {
	return "socks5+tls://" + strings.Replace(s.tls, "127.0.0.1", "localhost", 1)
}

// forward starts a forwarder to s and returns its address on loopback.
func (s server) forward(t *testing.T, extra ...string) string {
	t.Helper()
	return s.forwardFrom(t, "127.0.0.1:0", extra...)
}

// forwardFrom starts a forwarder that listens on local, and returns what it
// says that it listens on.
func (s server) forwardFrom(t *testing.T, local string, extra ...string) string {
	t.Helper()
	args := []string{"forward", "--local", local, "--server", s.url()}
	p := start(t, append(append(args, certificates(t).client()...), extra...)...)
	return p.await(t, listening, 1)[0][1]
}

// eachWay runs f twice: straight to the plain listener of a server, and to a
// forwarder that goes to its other listener over mutual TLS.
func eachWay(t *testing.T, f func(t *testing.T, proxy string), extra ...string) {
	t.Run("direct", func(t *testing.T) { f(t, serve(t, extra...).plain) })
	t.Run("forwarder", func(t *testing.T) { f(t, serve(t, extra...).forward(t)) })
}
