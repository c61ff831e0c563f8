//go:build linux

package realtest_test

import (
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/admin"
)

const month = 30 * 24 * time.Hour

var obtained = regexpOf(`level=INFO msg="acme: certificate obtained" domain=proxy\.example renewal=(true|false)\n`)

// shownBy returns the certificate that a TLS listener shows to who asks by that
// protocol, and the error of the handshake.
func shownBy(address, alpn string) (*x509.Certificate, error) {
	config := &tls.Config{ServerName: "proxy.example", InsecureSkipVerify: true}
	if alpn != "" {
		config.NextProtos = []string{alpn}
	}
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: startLimit}, "tcp", address, config)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0], nil
}

// toProxyExample is a way to a server whose certificate a has issued, for alice.
func (a *authority) toProxyExample(t *testing.T, address string) *client.Dialer {
	t.Helper()
	keys := certificates(t)
	source, err := certs.NewClient(certs.ClientConfig{
		CAs: []*x509.Certificate{a.root(t)}, CertFile: keys.file("alice.crt"), KeyFile: keys.file("alice.key"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return &client.Dialer{Address: address, TLS: source.TLSConfig("proxy.example")}
}

// A server starts without a certificate and says so to all who ask; has one issued
// once its authority answers, though it requires certificates of its clients; shows
// it wherever the end of one is shown; and has it at once when it starts again.
func TestACMEMutualTLS(t *testing.T) {
	names := ownLoopback() + ":5001"
	a, storage, to := newAuthority(t, names), filepath.Join(t.TempDir(), "storage"), newEchoes(t)
	server := begin(t, append([]string{"serve", "--tls-listen", names, "--client-ca", certificates(t).file("ca.crt"), "--log-level", "debug"}, a.flags(storage)...)...)
	asked := &admin.Client{Address: "unix:" + server.file("admin")}
	server.now.await(t, regexpOf(`level=WARN msg="acme: authorities connect to port 443, and no TLS listener is there`), 1)
	server.now.await(t, regexpOf(`level=ERROR msg="acme: no certificate" domain=proxy\.example err=".*connection refused.*" again=1m0s`), 1)
	if cert, err := shownBy(names, ""); cert != nil || certs.Reason(err) != certs.ReasonRefused {
		t.Errorf("before there is a certificate: got %v, %v", cert, err)
	}
	if got := probe(t, asked.Address, "/readyz"); !strings.HasSuffix(got, " 503") {
		t.Errorf("/readyz: got %s", got)
	}
	status, err := asked.Status(t.Context())
	if err != nil || !strings.Contains(status.Reason, "no certificate of proxy.example yet: ") || status.Certificate != nil {
		t.Errorf("status: got %+v, %v", status, err)
	}

	a.run(t, month)
	mustRun(t, command(socksctl(t), "reload", "--admin", asked.Address))
	server.now.await(t, obtained, 1)
	server.now.await(t, regexpOf(`msg="acme: an authority asked for a name, and was answered" domain=proxy\.example`), 1)
	server.now.await(t, regexpOf(`level=DEBUG msg="hung up" .* stage=tls err="a certificate authority asked for a name, and was answered`), 1)
	awaitReady(t, asked)
	if err := reach(a.toProxyExample(t, names), to); err != nil {
		t.Errorf("through the server: %v", err)
	}
	a.isShown(t, asked)
	for _, alpn := range []string{certs.ALPNChallenge, "socksctl/1", ""} {
		if cert, err := shownBy(names, alpn); alpn == certs.ALPNChallenge && (cert != nil || err == nil) || alpn != certs.ALPNChallenge && err != nil {
			t.Errorf("%q: got %v, %v", alpn, cert, err)
		}
	}
	checkModes(t, storage)
	if strings.Contains(server.now.said.String(), "PRIVATE KEY") {
		t.Error("a key is in the log")
	}

	old := server.replace(t)
	if err := reach(a.toProxyExample(t, names), to); err != nil {
		t.Errorf("through the process that took over: %v", err)
	}
	old.ended(t)
	if got := len(obtained.FindAllString(server.now.said.String(), -1)); got != 0 {
		t.Errorf("%d certificates were obtained again", got)
	}
}

// awaitReady waits until a service is ready.
func awaitReady(t *testing.T, asked *admin.Client) {
	t.Helper()
	for end := time.Now().Add(startLimit); ; {
		status, err := asked.Status(t.Context())
		if err == nil && status.Reason == "" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not ready: %v, %v", status.Reason, err)
		}
	}
}

// isShown checks that status, metrics and cert show tell of a certificate of a.
func (a *authority) isShown(t *testing.T, asked *admin.Client) {
	t.Helper()
	status, err := asked.Status(t.Context())
	if err != nil || status.Certificate == nil || !strings.Contains(status.Certificate.Subject, "proxy.example") || time.Until(status.Certificate.NotAfter) < month/2 {
		t.Errorf("status: got %+v, %v", status.Certificate, err)
	}
	const metric = "socksctl_tls_certificate_expiry_timestamp_seconds"
	if page := probe(t, asked.Address, "/metrics"); !strings.Contains(page, metric+" 1.") {
		t.Errorf("the metrics do not have %s", metric)
	}
}

// checkModes checks that nobody but its owner can read what is secret in a folder,
// that there is an account, and that it is no secret to cert show.
func checkModes(t *testing.T, dir string) {
	t.Helper()
	keys, shown := 0, 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 && filepath.Ext(path) != ".lock" {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		switch filepath.Base(path) {
		case "account.key", "proxy.example.key":
			keys++
		case "proxy.example.crt":
			if out := mustRun(t, command(socksctl(t), "cert", "show", path)); strings.Contains(out, "proxy.example") {
				shown++
			}
		}
		return nil
	})
	if err != nil || keys != 2 || shown != 1 {
		t.Errorf("%v; got %d keys and %d certificates, want 2 and 1", err, keys, shown)
	}
}

// A certificate that is about to end is replaced under the connections that are
// open.
func TestACMERenewalTLS(t *testing.T) {
	names := ownLoopback() + ":5001"
	a, to := newAuthority(t, names), newEchoes(t)
	a.run(t, 6*time.Second)
	dir, err := os.MkdirTemp("", "r") // t.TempDir is too long for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	socket := "unix:" + filepath.Join(dir, "admin")
	server := start(t, append([]string{"serve", "--tls-listen", names, "--allow-private", "--admin", socket}, a.flags(filepath.Join(dir, "storage"))...)...)
	server.await(t, obtained, 1)
	awaitReady(t, &admin.Client{Address: socket})
	before, err := shownBy(names, "")
	if err != nil {
		t.Fatal(err)
	}
	open := tunnel(t, &client.Dialer{Address: names, TLS: &tls.Config{InsecureSkipVerify: true}}, to)
	for end := time.Now().Add(startLimit); ; {
		mustRun(t, command(socksctl(t), "reload", "--admin", socket))
		after, err := shownBy(names, "")
		if err != nil {
			t.Fatal(err)
		}
		if after.NotAfter.After(before.NotAfter) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("no other certificate is shown")
		}
	}
	if !strings.Contains(server.said.String(), "renewal=true") {
		t.Error("it was not by a renewal")
	}
	if err := open.alive(); err != nil {
		t.Errorf("open since before: %v", err)
	}
	open.close()
}

// Servers behind a balancer that share a folder get one certificate among them,
// whichever of them the authority is sent to.
func TestACMEBehindHAProxyMutualTLS(t *testing.T) {
	a, storage, to := newAuthority(t, ""), filepath.Join(t.TempDir(), "storage"), newEchoes(t)
	var servers []behind
	var sockets []string
	for range 2 {
		dir, err := os.MkdirTemp("", "b")
		if err != nil {
			t.Fatal(err)
		}
		sockets = append(sockets, "unix:"+filepath.Join(dir, "admin"))
		b := behind{process: start(t, append([]string{
			"serve", "--tls-listen", "127.0.0.1:0", "--proxy-protocol", "127.0.0.1", "--client-ca", certificates(t).file("ca.crt"), "--allow-private",
			"--admin", "unix:" + filepath.Join(dir, "admin"),
		}, a.flags(storage)...)...)}
		b.tls = b.await(t, listening, 1)[0][1]
		b.await(t, regexpOf(`msg="acme: no certificate"`), 1)
		servers = append(servers, b)
	}
	a.names = haproxy(t, servers[0].tls, servers[1].tls)
	a.run(t, month)
	for _, socket := range sockets {
		mustRun(t, command(socksctl(t), "reload", "--admin", socket))
	}
	for _, socket := range sockets {
		awaitReady(t, &admin.Client{Address: socket})
	}
	if got := len(obtained.FindAllString(servers[0].said.String()+servers[1].said.String(), -1)); got != 1 {
		t.Errorf("%d certificates were obtained, want 1", got)
	}
	for range servers { // the balancer takes them in turn
		if err := reach(a.toProxyExample(t, a.names), to); err != nil {
			t.Error(err)
		}
	}
}
