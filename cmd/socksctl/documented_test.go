package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/config"
)

// documentedTLS is the block that README.md shows.
const documentedTLS = `[server]
listen = ["127.0.0.1:1080"]
[server.tls]
enabled = true
listen = [":1443"]
certificate_path = "/etc/socksctl/server.crt"
private_key_path = "/etc/socksctl/server.key"
min_protocol_version = "TLS13"        # or "TLS12"
require_client_auth = true            # mutual TLS; false with a client CA = request
client_ca_path = "/etc/socksctl/clients-ca.crt"
`

// TestDocumentedMutualTLS serves what the block says, but for the directory and
// the addresses, which a test may not take.
func TestDocumentedMutualTLS(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "```toml\n"+documentedTLS+"```") {
		t.Errorf("README.md does not show\n%s", documentedTLS)
	}
	dir := t.TempDir()
	ca := writeCertificates(t, dir)
	l, err := loadWith(t, "a.toml", strings.NewReplacer(
		"/etc/socksctl", filepath.ToSlash(dir), `":1443"`, `"127.0.0.1:0"`, "127.0.0.1:1080", "127.0.0.1:0").Replace(documentedTLS))
	if err != nil {
		t.Fatal(err)
	}
	v := startServe(t, &l.Config.Server)
	secure, plain := v.secure[0].Addr().String(), v.plain[0].Addr().String()
	if err := reach(t, &client.Dialer{Address: secure, TLS: clientTLS(t, ca, true)}); err != nil {
		t.Errorf("with a certificate: %v", err)
	}
	if err := reach(t, &client.Dialer{Address: plain}); err != nil {
		t.Errorf("plain: %v", err)
	}
	var fault *client.ProxyError
	if err := reach(t, &client.Dialer{Address: secure, TLS: clientTLS(t, ca, false)}); !errors.As(err, &fault) {
		t.Errorf("without a certificate: got %v, want a ProxyError", err)
	}
	old := clientTLS(t, ca, true)
	old.MaxVersion = tls.VersionTLS12
	if err := reach(t, &client.Dialer{Address: secure, TLS: old}); !errors.As(err, &fault) {
		t.Errorf("with TLS 1.2: got %v, want a ProxyError", err)
	}
}

// startServe runs c as serve does, until the test ends.
func startServe(t *testing.T, c *config.Server) *service {
	t.Helper()
	v, err := newServe(c, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := v.check(); err != nil {
		t.Fatal(err)
	}
	group := new(errgroup.Group)
	v.serve(streams{err: io.Discard}, group)
	t.Cleanup(func() {
		v.Close()
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
	return v
}

// writeCertificates writes what the documented block names to dir.
func writeCertificates(t *testing.T, dir string) *certs.CA {
	t.Helper()
	ca, err := certs.NewCA("test", certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server, err := ca.Server([]string{"localhost"}, certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Write(dir, "server", false); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "clients-ca.crt"), ca.CertificatePEM())
	return ca
}

// clientTLS trusts ca, and shows a certificate of it if it is to.
func clientTLS(t *testing.T, ca *certs.CA, show bool) *tls.Config {
	t.Helper()
	config := certs.ClientConfig{CAs: []*x509.Certificate{ca.Certificate}}
	if show {
		pair, err := ca.Client("alice", certs.Options{})
		if err != nil {
			t.Fatal(err)
		}
		config.Certificate = pair.TLS()
	}
	c, err := certs.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	return c.TLSConfig("localhost")
}

// reach has a byte sent through d to an origin that sends it back.
func reach(t *testing.T, d *client.Dialer) error {
	t.Helper()
	origin, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer origin.Close()
	go func() { // ends when origin is closed, or c by d
		if c, err := origin.Accept(); err == nil {
			defer c.Close()
			io.Copy(c, c)
		}
	}()
	c, err := d.Dial("tcp", origin.Addr().String())
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Write([]byte{42}); err != nil {
		return err
	}
	back := make([]byte, 1)
	if _, err := io.ReadFull(c, back); err != nil || back[0] != 42 {
		return errors.Join(err, fmt.Errorf("got byte %d back, want 42", back[0]))
	}
	return nil
}
