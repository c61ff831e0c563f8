package subject

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"

	"github.com/socksctl/socksctl/bench/load/internal/process"
)

// serverName is the name in the certificate of every server.
const serverName = "localhost"

// pki is a CA with a server and a client, as files and as values.
type pki struct {
	ca, serverCert, serverKey, clientCert, clientKey string

	roots  *x509.CertPool
	client tls.Certificate
}

func newPKI(socksctl, dir string) (pki, error) {
	in := func(name string) string { return filepath.Join(dir, name) }
	p := pki{
		ca: in("ca.crt"), serverCert: in("server.crt"), serverKey: in("server.key"),
		clientCert: in("bench.crt"), clientKey: in("bench.key"), roots: x509.NewCertPool(),
	}
	for _, args := range [][]string{
		{"cert", "ca", "--dir", dir, "--name", "bench CA"}, // not the client's: OpenSSL would take that for self-signed
		{"cert", "server", "--dir", dir, "--host", serverName},
		{"cert", "client", "--dir", dir, "--name", "bench"},
	} {
		if err := process.Run(socksctl, args...); err != nil {
			return p, fmt.Errorf("make certificates: %w", err)
		}
	}
	return p, p.load()
}

func (p *pki) load() (err error) {
	text, err := os.ReadFile(p.ca)
	if err != nil {
		return err
	}
	if !p.roots.AppendCertsFromPEM(text) {
		return fmt.Errorf("%s has no certificate", p.ca)
	}
	p.client, err = tls.LoadX509KeyPair(p.clientCert, p.clientKey)
	return err
}

// app is what apps use to reach a server inside TLS.
func (p *pki) app(o Options) *tls.Config {
	c := &tls.Config{RootCAs: p.roots, ServerName: serverName, MinVersion: tls.VersionTLS13}
	if o.Mutual {
		c.Certificates = []tls.Certificate{p.client}
	}
	if o.Resume {
		c.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	}
	return c
}
