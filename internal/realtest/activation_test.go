//go:build linux

package realtest_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/client"
)

// activated prepares a socksctl that is passed sockets, as systemd does it.
func activated(t *testing.T, names string, listeners []net.Listener, args ...string) *exec.Cmd {
	t.Helper()
	cmd := command("sh", append([]string{"-c", `LISTEN_PID=$$ exec "$0" "$@"`, socksctl(t)}, args...)...)
	cmd.Env = append(cmd.Env, "LISTEN_FDNAMES="+names, fmt.Sprintf("LISTEN_FDS=%d", len(listeners)))
	for _, l := range listeners {
		f, err := l.(interface{ File() (*os.File, error) }).File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	return cmd
}

func listenOn(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// What systemd passes is served by its name, in the place of an address that is
// configured or beside it, and outlives the service: connections wait for the next.
func TestActivation(t *testing.T) {
	to, keys := newEchoes(t), certificates(t)
	tls := []string{"--tls-cert", keys.file("server.crt"), "--tls-key", keys.file("server.key"), "--client-ca", keys.file("ca.crt")}
	plain, named, secure := listenOn(t, "tcp", "127.0.0.1:0"), listenOn(t, "tcp", "127.0.0.1:0"), listenOn(t, "tcp", "127.0.0.1:0")
	path := filepath.Join(runtimeDir(t), "s")
	unix := listenOn(t, "unix", path)
	args := append([]string{"serve", "--allow-private", "--insecure-open-proxy", "--listen", named.Addr().String(), "--listen", "127.0.0.1:0"}, tls...)
	begin := func() *process {
		return startCommand(t, activated(t, "socksctl-plain:socksctl-tls:socksctl-plain:socksctl-plain", []net.Listener{plain, secure, named, unix}, args...))
	}
	p := begin()
	at := p.addresses(t, 5)
	want := []string{named.Addr().String(), at[1], plain.Addr().String(), "unix:" + path, secure.Addr().String()}
	if strings.Join(at, " ") != strings.Join(want, " ") {
		t.Errorf("serves at %q, want %q", at, want)
	}
	local := []*client.Dialer{{Address: at[0]}, {Address: at[1]}, {Address: at[2]}, {Network: "unix", Address: path}}
	for _, d := range local {
		if err := reach(d, to); err != nil {
			t.Errorf("%s: %v", d, err)
		}
	}
	_, port := splitHostPort(t, at[4])
	mustRun(t, command(socksctl(t), append([]string{"connect", "--server", "socks5+tls://localhost:" + port, to.tcp}, keys.client()...)...))
	p.stop(t)
	early := make(chan error)
	go func() { early <- reach(local[3], to) }() // waits in the queue of the socket, for the next process
	second := begin()
	if err := <-early; err != nil {
		t.Errorf("a connection between two processes: %v", err)
	}
	second.stop(t)
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the path belongs to systemd: %v", err)
	}
}

// The defaults are for those that get no socket.
func TestActivationInPlaceOfDefaults(t *testing.T) {
	l := listenOn(t, "tcp", "127.0.0.1:0")
	for _, args := range [][]string{{"serve", "--allow-private"}, {"forward", "--server", "socks5://127.0.0.1:1"}} {
		p := startCommand(t, activated(t, "socksctl-plain", []net.Listener{l}, args...))
		if got := p.addresses(t, 1); len(got) != 1 || got[0] != l.Addr().String() {
			t.Errorf("%s serves at %q, want %s", args[0], got, l.Addr())
		}
		p.stop(t) // the next one gets the socket in a state that this one could not accept in
	}
}

// A socket that somebody else opened may be reached from anywhere.
func TestActivationRefused(t *testing.T) {
	local, every, unix := listenOn(t, "tcp", "127.0.0.1:0"), listenOn(t, "tcp", ":0"), listenOn(t, "unix", filepath.Join(runtimeDir(t), "s"))
	forward := []string{"forward", "--server", "socks5://127.0.0.1:1"}
	for name, c := range map[string]struct {
		name   string
		socket net.Listener
		args   []string
		status int
		says   string
	}{
		"loopback, of serve":   {"socksctl-plain", local, []string{"serve"}, 3, "systemd passed it, and only a loopback address with --allow-private"},
		"every address":        {"socksctl-plain", every, []string{"serve", "--allow-private"}, 3, "open proxy"},
		"a unix socket":        {"socksctl-plain", unix, []string{"serve", "--allow-private"}, 3, "open proxy"},
		"every, of forward":    {"socksctl-plain", every, forward, 3, "open proxy"},
		"another name":         {"plain", local, []string{"serve"}, 3, "FileDescriptorName=plain: want one of socksctl-plain, socksctl-tls"},
		"TLS, of forward":      {"socksctl-tls", local, forward, 3, "want one of socksctl-plain"},
		"TLS, without a key":   {"socksctl-tls", local, []string{"serve"}, 3, "certificate"},
		"TLS, switched off":    {"socksctl-tls", local, []string{"serve", "--config", writeFile(t, filepath.Join(t.TempDir(), "c.toml"), "[server.tls]\nenabled = false\n")}, 3, "server.tls.enabled is false"},
		"and to be taken over": {"socksctl-plain", local, []string{"serve", "--takeover"}, 2, "--takeover: the listeners are systemd's"},
	} {
		r := run(t, activated(t, c.name, []net.Listener{c.socket}, c.args...))
		if got := exitStatus(r.err); got != c.status || !strings.Contains(r.stderr, c.says) {
			t.Errorf("%s: got status %d, %q, want %d, %q", name, got, r.stderr, c.status, c.says)
		}
	}
}

// systemd's own program passes what it listens on.
func TestActivationBySystemd(t *testing.T) {
	activate := program(t, "systemd-socket-activate", "systemd")
	to := newEchoes(t)
	path := filepath.Join(runtimeDir(t), "s")
	cmd := command(activate, "--listen", path, "--fdname", "socksctl-plain", "--setenv", "SOCKSCTL_HISTORY_URL=off", "--setenv", "SOCKSCTL_SERVER_ADMIN=off",
		"--setenv", "GORACE=atexit_sleep_ms=0", socksctl(t), "serve", "--insecure-open-proxy", "--allow-private")
	p := startCommand(t, cmd)
	p.await(t, regexpOf(`Listening on `+path), 1)
	if err := reach(&client.Dialer{Network: "unix", Address: path}, to); err != nil { // starts it
		t.Error(err)
	}
	if got := p.addresses(t, 1); got[0] != "unix:"+path {
		t.Errorf("serves at %q", got)
	}
}
