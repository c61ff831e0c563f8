//go:build linux

package realtest_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/socksctl/socksctl/certs"
)

// A greeting and a request with a command that nobody has; a server says that
// no login is needed and that it does not know the command, and hangs up.
const (
	greeting = "\x05\x01\x00" + "\x05\x09\x00\x01\x7f\x00\x00\x01\x00\x50"
	answer   = "\x05\x00" + "\x05\x07\x00\x01\x00\x00\x00\x00\x00\x00"
)

// sClient sends the greeting through openssl s_client. Its stdout is what the
// server wrote inside TLS, its stderr tells about the handshake.
func sClient(t *testing.T, addr string, args ...string) result {
	t.Helper()
	cmd := command(program(t, "openssl", "openssl"),
		append([]string{"s_client", "-connect", addr, "-brief", "-ign_eof", "-servername", "localhost"}, args...)...)
	cmd.Stdin = strings.NewReader(greeting)
	return run(t, cmd)
}

// served checks that the handshake went as wanted and SOCKS was spoken after.
func served(t *testing.T, r result, want string) {
	t.Helper()
	if r.stdout != answer || !strings.Contains(r.stderr, want) {
		t.Errorf("got %q inside TLS and %q (%v), want %q and %q", r.stdout, r.stderr, r.err, answer, want)
	}
}

// refused checks that the server ended the handshake with an alert and wrote
// nothing inside TLS.
func refused(t *testing.T, r result, alert string) {
	t.Helper()
	if r.stdout != "" || !regexp.MustCompile("alert ("+alert+")").MatchString(r.stderr) {
		t.Errorf("got %q inside TLS and %q (%v), want nothing and the alert %q", r.stdout, r.stderr, r.err, alert)
	}
}

// old makes openssl offer what its default security level leaves out.
var old = []string{"-cipher", "ALL:@SECLEVEL=0"}

// serveTLS starts a server with one TLS listener and returns its address.
func serveTLS(t *testing.T, cert, key string, extra ...string) string {
	t.Helper()
	p := start(t, append([]string{"serve", "--tls-listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key}, extra...)...)
	return p.await(t, listening, 1)[0][1]
}

func TestOpenSSLVersionFloorTLS(t *testing.T) {
	keys := certificates(t)
	cert, key := keys.file("server.crt"), keys.file("server.key")

	byDefault := serveTLS(t, cert, key)
	refused(t, sClient(t, byDefault, append(old, "-tls1")...), "protocol version")
	refused(t, sClient(t, byDefault, append(old, "-tls1_1")...), "protocol version")
	served(t, sClient(t, byDefault, "-tls1_2"), "Protocol version: TLSv1.2")
	served(t, sClient(t, byDefault, "-tls1_3"), "Protocol version: TLSv1.3")

	floor := serveTLS(t, cert, key, "--tls-min", "1.3")
	refused(t, sClient(t, floor, "-tls1_2"), "protocol version")
	served(t, sClient(t, floor, "-tls1_3"), "Protocol version: TLSv1.3")
}

// selfSigned writes what the openssl command in the documentation does.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	mustRun(t, command(program(t, "openssl", "openssl"), "req", "-x509", "-newkey", "rsa:4096", "-nodes",
		"-keyout", key, "-out", cert, "-days", "365", "-subj", "/CN=localhost"))
	return cert, key
}

func TestOpenSSLSuitesTLS(t *testing.T) {
	cert, key := selfSigned(t) // RSA, so that a key exchange with it would be possible
	addr := serveTLS(t, cert, key)
	offer := func(suite string) result {
		return sClient(t, addr, "-tls1_2", "-cipher", suite+":@SECLEVEL=0")
	}
	for _, suite := range []string{
		"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305",
	} {
		served(t, offer(suite), "Ciphersuite: "+suite)
	}
	for _, suite := range []string{
		"ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA", "ECDHE-RSA-AES128-SHA256", // CBC
		"AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", // the key exchange of RSA
	} {
		refused(t, offer(suite), "handshake failure")
	}
}

func TestOpenSSLSelfSignedTLS(t *testing.T) {
	cert, key := selfSigned(t)
	addr := serveTLS(t, cert, key)
	served(t, sClient(t, addr, "-CAfile", cert, "-verify_return_error", "-verify_hostname", "localhost"), "Verification: OK")

	pin := regexp.MustCompile(`sha256/[A-Za-z0-9+/]{43}=`).FindString(mustRun(t, command(socksctl(t), "cert", "show", cert)))
	if pin == "" {
		t.Fatal("cert show prints no pin")
	}
	p := start(t, "forward", "--local", "127.0.0.1:0", "--server", "socks5+tls://"+addr, "--pin", pin)
	download(t, 1<<20, "http://localhost:"+newOrigin(t), "--socks5-hostname", p.await(t, listening, 1)[0][1])
}

func TestOpenSSLCertificatesMutualTLS(t *testing.T) {
	keys, strangers := newPKI(t), newPKI(t)
	crl := revokedClient(t, keys, "mallory")
	expired, expiredKey := expiredClient(t, keys)
	addr := serveTLS(t, keys.file("server.crt"), keys.file("server.key"),
		"--client-ca", keys.file("ca.crt"), "--client-crl", crl)

	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		t.Run(version[1:], func(t *testing.T) {
			with := func(cert, key string) result {
				return sClient(t, addr, version, "-CAfile", keys.file("ca.crt"), "-verify_return_error", "-cert", cert, "-key", key)
			}
			served(t, with(keys.file("alice.crt"), keys.file("alice.key")), "Verification: OK")
			refused(t, sClient(t, addr, version), "certificate required|handshake failure|bad certificate")
			refused(t, with(strangers.file("alice.crt"), strangers.file("alice.key")), "unknown ca")
			refused(t, with(expired, expiredKey), "certificate expired")
			refused(t, with(keys.file("server.crt"), keys.file("server.key")), "bad certificate|unsupported certificate")
			refused(t, with(keys.file("mallory.crt"), keys.file("mallory.key")), "bad certificate|certificate revoked")
		})
	}
}

// revokedClient issues a certificate, revokes it and returns the CRL.
func revokedClient(t *testing.T, keys pki, name string) (crl string) {
	t.Helper()
	mustRun(t, command(socksctl(t), "cert", "client", "--dir", string(keys), "--name", name))
	mustRun(t, command(socksctl(t), "cert", "revoke", "--dir", string(keys), name))
	return keys.file("crl.pem")
}

// expiredClient issues a certificate that ended an hour ago: no command of
// socksctl does that.
func expiredClient(t *testing.T, keys pki) (cert, key string) {
	t.Helper()
	ca, err := certs.LoadCA(string(keys))
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Client("alice", certs.Options{NotBefore: time.Now().Add(-2 * time.Hour), Validity: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := pair.Write(dir, "expired", false); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "expired.crt"), filepath.Join(dir, "expired.key")
}
