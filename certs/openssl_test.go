package certs_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/certs"
)

// openssl runs the program in dir; args is split at spaces.
func openssl(t *testing.T, dir, args string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	cmd := exec.Command("openssl", strings.Fields(args)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func mustOpenssl(t *testing.T, dir, args string) string {
	t.Helper()
	out, err := openssl(t, dir, args)
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", args, err, out)
	}
	return out
}

func TestOpensslVerifiesOurs(t *testing.T) {
	for _, kind := range certs.KeyTypes() {
		t.Run(string(kind), func(t *testing.T) {
			ca, err := certs.NewCA("net", certs.Options{KeyType: kind})
			if err != nil {
				t.Fatal(err)
			}
			n := network{t.TempDir(), ca}
			n.write(t, "ca", &ca.Pair)
			n.write(t, "server", pairOf(t)(ca.Server([]string{"localhost", "192.0.2.1"}, certs.Options{KeyType: kind})))
			for _, name := range []string{"alice", "bob"} {
				n.write(t, name, pairOf(t)(ca.Client(name, certs.Options{KeyType: kind})))
			}
			n.revoke(t, "bob")
			const verify = "verify -x509_strict -CAfile ca.crt -CRLfile crl.pem -crl_check "
			mustOpenssl(t, n.dir, verify+"-purpose sslserver -verify_hostname localhost server.crt")
			mustOpenssl(t, n.dir, verify+"-purpose sslserver -verify_ip 192.0.2.1 server.crt")
			mustOpenssl(t, n.dir, verify+"-purpose sslclient alice.crt")
			for args, want := range map[string]string{
				"-purpose sslclient bob.crt":                           "certificate revoked",
				"-purpose sslserver alice.crt":                         "certificate purpose",
				"-purpose sslserver -verify_hostname other server.crt": "hostname mismatch",
			} {
				if out, err := openssl(t, n.dir, verify+args); err == nil || !strings.Contains(strings.ToLower(out), strings.ToLower(want)) {
					t.Errorf("%s: got %v, %q, want %q", args, err, out, want)
				}
			}
			mustOpenssl(t, n.dir, "pkey -in server.key -check -noout")
		})
	}
}

// Every form of a key that openssl writes serves, beside the certificate that
// "openssl req -x509" signs with it, which names no host.
func TestTLSLoadsWhatOpensslWrites(t *testing.T) {
	const req = " -x509 -days 9 -subj /CN=proxy.example -out cert.pem"
	tests := map[string][]string{
		"rsa:4096 PKCS8": {"req -newkey rsa:4096 -nodes -keyout key.pem" + req},
		"PKCS1":          {"genrsa -traditional -out key.pem 2048", "req -key key.pem" + req},
		"SEC1":           {"ecparam -genkey -name prime256v1 -out key.pem", "req -key key.pem" + req},
		"EC PKCS8":       {"genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out key.pem", "req -key key.pem" + req},
		"ed25519":        {"genpkey -algorithm ed25519 -out key.pem", "req -key key.pem" + req},
	}
	for name, commands := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, args := range commands {
				mustOpenssl(t, dir, args)
			}
			cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
			server := newServer(t, certs.ServerConfig{CertFile: cert, KeyFile: key})
			pin := certs.SPKIPin(server.Certificate())
			mustMeet(t, server.TLSConfig(), newClient(t, certs.ClientConfig{Pins: []string{pin}}).TLSConfig("proxy.example"))
			for what, c := range map[string]certs.ClientConfig{"CA": {CAFile: cert}, "no CA": {}} {
				o := meet(t, server.TLSConfig(), newClient(t, c).TLSConfig("proxy.example"))
				if o.clientErr == nil || !strings.Contains(o.clientErr.Error(), "--pin "+pin) || !strings.Contains(o.clientErr.Error(), "cert server") {
					t.Errorf("%s: got %v, want it to name --pin and cert server", what, o.clientErr)
				}
			}
			mustOpenssl(t, dir, "x509 -in cert.pem -pubkey -noout -out pub.pem")
			mustOpenssl(t, dir, "pkey -pubin -in pub.pem -outform DER -out pub.der")
			mustOpenssl(t, dir, "dgst -sha256 -binary -out digest pub.der")
			if want := "sha256/" + strings.TrimSpace(mustOpenssl(t, dir, "base64 -in digest")); pin != want {
				t.Errorf("got pin %s, openssl has %s", pin, want)
			}
		})
	}
}

func TestLoadPairErrors(t *testing.T) {
	dir := newNetwork(t).dir
	mustOpenssl(t, dir, "pkey -in server.key -aes256 -passout pass:hunter2 -out encrypted.pem")
	mustOpenssl(t, dir, "genrsa -traditional -aes128 -passout pass:hunter2 -out legacy.pem 2048")
	key, err := os.ReadFile(filepath.Join(dir, "server.key"))
	if err != nil {
		t.Fatal(err)
	}
	inner := string(bytes.Split(key, []byte("\n"))[1])
	put := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("cut.pem", string(bytes.Replace(key, []byte(inner), []byte(inner[:40]), 1)))
	put("empty.pem", "")
	put("ssh.pem", "-----BEGIN OPENSSH PRIVATE KEY-----\n"+inner+"\n-----END OPENSSH PRIVATE KEY-----\n")
	for _, tt := range []struct{ cert, key, names, says string }{
		{"server.crt", "alice.key", "alice.key", "does not fit the certificate"},
		{"server.crt", "encrypted.pem", "encrypted.pem", "passphrase"},
		{"server.crt", "legacy.pem", "legacy.pem", "passphrase"},
		{"server.crt", "cut.pem", "cut.pem", "damaged"},
		{"server.crt", "ssh.pem", "ssh.pem", "OpenSSH"},
		{"server.crt", "empty.pem", "empty.pem", "no private key"},
		{"server.crt", "server.crt", "server.crt", "no private key"},
		{"server.crt", "", "server.crt", "no private key"},
		{"server.crt", "missing", "missing", "no such file"},
		{"server.key", "server.key", "server.key", "no certificate"},
		{"empty.pem", "server.key", "empty.pem", "no certificate"},
		{"missing", "server.key", "missing", "no such file"},
	} {
		file := filepath.Join(dir, tt.key)
		if tt.key == "" {
			file = ""
		}
		_, _, err := certs.LoadPair(filepath.Join(dir, tt.cert), file)
		if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, tt.names)) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s, %s: got %v, want it to name %s and say %q", tt.cert, tt.key, err, tt.names, tt.says)
		} else if strings.Contains(err.Error(), inner[:40]) {
			t.Errorf("%v shows the key", err)
		}
	}
}

func TestLoadPairWarnings(t *testing.T) {
	n := newNetwork(t)
	warned := func(name string) string {
		t.Helper()
		_, warnings, err := certs.LoadPair(n.path(name+".crt"), n.path(name+".key"))
		if err != nil || len(warnings) > 1 {
			t.Fatalf("got %v, %v, want one warning at most", warnings, err)
		}
		if len(warnings) == 0 {
			return ""
		}
		return warnings[0].Error()
	}
	for mode, want := range map[fs.FileMode]string{0o600: "", 0o400: "", 0o660: "mode 0660", 0o604: "mode 0604"} {
		if runtime.GOOS == "windows" {
			want = "" // modes open nothing there
		}
		if err := os.Chmod(n.path("server.key"), mode); err != nil {
			t.Fatal(err)
		}
		if got := warned("server"); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("mode %o: got %q, want %q", mode, got, want)
		}
	}
	n.write(t, "short", pairOf(t)(n.ca.Server([]string{"localhost"}, certs.Options{Validity: 1e9 * 3600})))
	if got := warned("short"); !strings.Contains(got, "expires on") {
		t.Errorf("got %q, want that it expires soon", got)
	}
}
