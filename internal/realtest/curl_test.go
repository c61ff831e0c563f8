//go:build linux

package realtest_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// curl prepares a curl that fails on HTTP errors. Its first flag keeps it from
// reading a configuration file.
func curl(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	return command(program(t, "curl", "curl"), append([]string{"-q", "-sS", "--fail"}, args...)...)
}

// download fetches n bytes with curl and compares their checksum.
func download(t *testing.T, n int64, url string, args ...string) {
	t.Helper()
	h := sha256.New()
	cmd := curl(t, append(args, fmt.Sprintf("%s/%d", url, n))...)
	cmd.Stdout = h
	mustRun(t, cmd)
	if got, want := fmt.Sprintf("%d %x", n, h.Sum(nil)), streamChecksum(n); got != want {
		t.Errorf("downloaded %s, want %s", got, want)
	}
}

func TestCurlDownloadMutualTLS(t *testing.T) {
	port := newOrigin(t)
	eachWay(t, func(t *testing.T, proxy string) {
		for _, host := range []string{"127.0.0.1", "localhost"} {
			download(t, 1<<20, "http://"+host+":"+port, "--socks5-hostname", proxy)
		}
	})
}

func TestCurlUploadMutualTLS(t *testing.T) {
	const size = 64 << 20
	port := newOrigin(t)
	eachWay(t, func(t *testing.T, proxy string) {
		cmd := curl(t, "--socks5-hostname", proxy, "--upload-file", "-", "http://localhost:"+port+"/")
		cmd.Stdin = stream(size)
		if got, want := mustRun(t, cmd), streamChecksum(size); got != want {
			t.Errorf("the origin got %s, want %s", got, want)
		}
	})
}

func TestCurl300MiBMutualTLS(t *testing.T) {
	port := newOrigin(t)
	eachWay(t, func(t *testing.T, proxy string) {
		download(t, 300<<20, "http://localhost:"+port, "--socks5-hostname", proxy)
	})
}

// The login of the app is its own on both ways: the forwarder's way to the
// server is proven by a certificate.
func TestCurlPasswordMutualTLS(t *testing.T) {
	port := newOrigin(t)
	users := filepath.Join(t.TempDir(), "users")
	add := command(socksctl(t), "user", "add", "--users", users, "alice")
	add.Stdin = strings.NewReader("correct horse\n")
	mustRun(t, add)

	try := func(t *testing.T, proxy string) {
		url := "http://localhost:" + port
		download(t, 1<<20, url, "--socks5-hostname", proxy, "--proxy-user", "alice:correct horse")
		for _, login := range [][]string{{"--proxy-user", "alice:wrong"}, {"--proxy-user", "bob:correct horse"}, nil} {
			r := run(t, curl(t, append(login, "--socks5-hostname", proxy, url+"/1")...))
			if got, want := exitStatus(r.err), 97; got != want { // 97: the proxy refused
				t.Errorf("curl with login %q: status %d, want %d\n%s", login, got, want, r.stderr)
			}
			if r.stdout != "" {
				t.Errorf("curl with login %q printed %q, want nothing", login, r.stdout)
			}
		}
	}
	t.Run("direct", func(t *testing.T) { try(t, serve(t, "--users", users).plain) })
	t.Run("forwarder", func(t *testing.T) { try(t, serve(t).forward(t, "--users", users)) })
}

// exitStatus is the status of a program that ended by itself, else -1.
func exitStatus(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}

func TestCurlUnixSocketMutualTLS(t *testing.T) {
	port := newOrigin(t)
	dir, err := os.MkdirTemp("", "u") // t.TempDir is too long for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "forward.sock")
	serve(t).forwardFrom(t, "unix:"+socket)
	info, err := os.Stat(socket)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := info.Mode().Perm(), os.FileMode(0o600); got != want {
		t.Errorf("mode of the socket: got %o, want %o", got, want)
	}
	download(t, 1<<20, "http://localhost:"+port, "--proxy", "socks5h://localhost"+socket)
}
