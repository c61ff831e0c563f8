//go:build linux

package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// lines returns the first block of commands below a heading of docs/install.md.
func lines(t *testing.T, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(read(t, root+"/docs/install.md"), "\n## "+heading+"\n")
	_, rest, inside := strings.Cut(rest, "```sh release\n")
	block, _, ends := strings.Cut(rest, "```\n")
	if !ok || !inside || !ends {
		t.Fatalf("docs/install.md has no commands below %q", heading)
	}
	return block
}

// What docs/install.md says of an archive works.
func TestDocumentedArchive(t *testing.T) {
	program(t, "man", "man-db")
	file := filepath.Join(t.TempDir(), "lines")
	if err := os.WriteFile(file, []byte(lines(t, "From an archive")), 0o644); err != nil {
		t.Fatal(err)
	}
	must(t, apart(t, "testdata/documented", file, one(t, "socksctl_*_linux_amd64.tar.gz")))
}

// What it says of a package is what TestLifecycle does, and its table has where things
// are.
func TestDocumentedPackage(t *testing.T) {
	script := read(t, "testdata/lifecycle")
	for _, command := range []string{"dpkg --install ", "systemctl enable ", "dpkg --remove", "dpkg --purge"} {
		if !strings.Contains(read(t, root+"/docs/install.md"), command) || !strings.Contains(script, command) {
			t.Errorf("the document and the test do not both have %q", command)
		}
	}
	unit := read(t, root+"/deploy/systemd/socksctl-serve.service")
	for _, line := range []string{"User=socksctl", "StateDirectory=socksctl", "--config /etc/socksctl/config.toml"} {
		if !strings.Contains(unit, line) {
			t.Errorf("the unit has no %q", line)
		}
	}
}

// With a certificate the program for Windows is signed in place, and without one it is
// left as it is.
func TestAuthenticode(t *testing.T) {
	signer, openssl := program(t, "osslsigncode", "osslsigncode"), program(t, "openssl", "openssl")
	dir := t.TempDir()
	path := filepath.Join(dir, "socksctl.exe")
	if err := os.WriteFile(path, archive(t, "windows", "amd64")["socksctl.exe"].data, 0o755); err != nil {
		t.Fatal(err)
	}
	before := sum(t, path)
	must(t, exec.Command("./authenticode", "windows", path))
	must(t, exec.Command(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", dir+"/key", "-out", dir+"/crt",
		"-subj", "/CN=socksctl test", "-addext", "extendedKeyUsage=codeSigning"))
	must(t, exec.Command(openssl, "pkcs12", "-export", "-inkey", dir+"/key", "-in", dir+"/crt", "-out", dir+"/p12", "-passout", "pass:secret of the test"))
	p12 := must(t, exec.Command("base64", "-w0", dir+"/p12"))
	sign := func(os, path string) {
		t.Helper()
		cmd := exec.Command("./authenticode", os, path)
		cmd.Env = append(cmd.Environ(), "WINDOWS_SIGN_P12="+p12, "WINDOWS_SIGN_PASSWORD=secret of the test")
		must(t, cmd)
	}
	sign("linux", path)
	if sum(t, path) != before {
		t.Error("a program was signed that is not for Windows, or without a certificate")
	}
	sign("windows", path)
	out := must(t, exec.Command(signer, "verify", "-CAfile", dir+"/crt", "-in", path))
	if !strings.Contains(out, "CN=socksctl test") && !strings.Contains(out, "CN = socksctl test") {
		t.Errorf("got %s", out)
	}
}
