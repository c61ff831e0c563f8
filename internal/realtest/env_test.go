//go:build linux

package realtest_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// elsewhere starts a web server for the files of a directory, at an address that is
// not among those that programs reach without a proxy.
func elsewhere(t *testing.T, dir string) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.FileServer(http.Dir(dir)))
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

// shell runs lines in sh, with socksctl in its PATH.
func shell(t *testing.T, lines string, extra ...string) *exec.Cmd {
	t.Helper()
	cmd := command("/bin/sh", "-euc", lines)
	cmd.Env = environment(append(extra, "PATH="+filepath.Dir(socksctl(t))+":"+os.Getenv("PATH"))...)
	return cmd
}

// passed waits until a server has had that many sessions to a host.
func (s server) passed(t *testing.T, host string, n int) {
	t.Helper()
	limit := time.After(startLimit)
	for {
		changed, text := s.said.snapshot()
		if strings.Count(text, "host="+host+" ") >= n {
			return
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("fewer than %d sessions to %s:\n%s", n, host, text)
		}
	}
}

// What env prints sends curl and git through the forwarder, by variables and by the
// configuration of git, and what run starts goes there too.
func TestEnvMutualTLS(t *testing.T) {
	program(t, "curl", "curl")
	program(t, "git", "git")
	dir := t.TempDir()
	mustRun(t, shell(t, `
		git init -q -b main "$DIR/work" && cd "$DIR/work"
		git -c user.name=a -c user.email=a@localhost commit -q --allow-empty -m first
		git clone -q --bare . "$DIR/served.git" && cd "$DIR/served.git" && git update-server-info
		echo hello >"$DIR/hello"`, "DIR="+dir))
	url := elsewhere(t, dir)
	for name, lines := range map[string]string{
		"curl":          `eval "$(socksctl env --local "$LOCAL")"; curl -q -sS --fail "$URL/hello"`,
		"git":           `eval "$(socksctl env --local "$LOCAL")"; git ls-remote "$URL/served.git"`,
		"git by itself": `export HOME="$DIR"; eval "$(socksctl env --local "$LOCAL" --for git)"; git ls-remote "$URL/served.git"`,
		"run":           `socksctl run --local "$LOCAL" -- curl -q -sS --fail "$URL/hello"`,
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			local := s.forward(t)
			out := mustRun(t, shell(t, lines, "LOCAL="+local, "URL="+url, "DIR="+dir))
			if !strings.Contains(out, "hello") && !strings.Contains(out, "refs/heads/main") {
				t.Errorf("got %q", out)
			}
			s.passed(t, "127.0.0.2", 1)
		})
	}
}

// The configuration that env prints for ssh leads through the forwarder.
func TestEnvForSSHMutualTLS(t *testing.T) {
	ssh := sshServer(t)
	s := serve(t)
	local := s.forward(t)
	config := mustRun(t, shell(t, `socksctl env --local "$LOCAL" --for ssh`, "LOCAL="+local))
	_, proxyCommand, ok := strings.Cut(config, "ProxyCommand ")
	if !ok || !strings.Contains(config, "\nHost *\n") {
		t.Fatalf("got %q, want a ProxyCommand for all hosts", config)
	}
	cmd := ssh(strings.TrimSpace(proxyCommand), "echo through")
	cmd.Env = environment("PATH=" + filepath.Dir(socksctl(t)) + ":" + os.Getenv("PATH"))
	if got := mustRun(t, cmd); got != "through\n" {
		t.Errorf("got %q", got)
	}
	s.passed(t, "127.0.0.1", 1)
}
