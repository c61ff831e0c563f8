//go:build linux

package realtest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// unprivileged prepares a socksctl of a user who is not root, with a runtime directory
// and nothing said of an admin socket.
func unprivileged(t *testing.T, runtimeDir string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := command(socksctl(t), args...)
	cmd.Env = append(cmd.Env, "SOCKSCTL_SERVER_ADMIN=", "SOCKSCTL_FORWARD_ADMIN=", "XDG_RUNTIME_DIR="+runtimeDir)
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	return cmd
}

// runtimeDir returns one for unprivileged, short enough for a socket's name.
func runtimeDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "x")
	if err == nil && os.Geteuid() == 0 {
		err = os.Chown(dir, 65534, 65534)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAdminDefaultSocket(t *testing.T) {
	dir := runtimeDir(t)
	place := func(service string) string { return "unix:" + filepath.Join(dir, "socksctl", service+".sock") }
	reload := func(status int, says string) {
		t.Helper()
		r := run(t, unprivileged(t, dir, "reload"))
		if got := exitStatus(r.err); got != status || !strings.Contains(r.stdout+r.stderr, says) {
			t.Errorf("got status %d, %q, %q, want %d, %q", got, r.stdout, r.stderr, status, says)
		}
	}
	serve := []string{"serve", "--listen", "127.0.0.1:0"}
	at := func(service string) string { return "level=INFO msg=admin address=" + place(service) + `\n` }

	reload(1, "no service answers at "+place("serve")+" or "+place("forward"))
	server := startCommand(t, unprivileged(t, dir, serve...))
	server.await(t, regexpOf(at("serve")), 1)
	for path, want := range map[string]os.FileMode{"socksctl": os.ModeDir | 0o700, "socksctl/serve.sock": os.ModeSocket | 0o600} {
		if info, err := os.Stat(filepath.Join(dir, path)); err != nil || info.Mode() != want {
			t.Errorf("%s: got %v, %v, want mode %v", path, info, err, want)
		}
	}
	reload(0, "reloaded nothing; 0 sessions ended\n")

	// One that runs already keeps its socket; the other goes without.
	second := startCommand(t, unprivileged(t, dir, serve...))
	second.await(t, regexpOf(`level=WARN msg="running without an admin socket: .* err="listen on `+place("serve")+`: address already in use"\n`), 1)
	second.await(t, listening, 1)
	reload(0, "reloaded nothing")

	forward := startCommand(t, unprivileged(t, dir, "forward", "--local", "127.0.0.1:0", "--server", "socks5://127.0.0.1:1"))
	forward.await(t, regexpOf(at("forward")), 1)
	reload(2, "several services run: name one, --admin "+place("serve")+" or --admin "+place("forward"))
	server.stop(t)
	reload(0, "reloaded nothing")
	forward.await(t, regexpOf(`msg=reloaded by=admin`), 1)
	forward.stop(t)
	reload(1, "no service answers")
}

func TestAdminWithoutRuntimeDir(t *testing.T) {
	p := startCommand(t, unprivileged(t, "", "serve", "--listen", "127.0.0.1:0"))
	p.await(t, regexpOf(`level=WARN msg="running without an admin socket: .* err="XDG_RUNTIME_DIR is not set, and this is not root"\n`), 1)
	p.await(t, listening, 1)
	off := startCommand(t, unprivileged(t, "", "serve", "--listen", "127.0.0.1:0", "--admin", "off"))
	off.await(t, listening, 1)
	if strings.Contains(off.said.String(), "admin") {
		t.Errorf("switched off it says %s", off.said)
	}
	missing := filepath.Join(t.TempDir(), "none")
	lost := startCommand(t, unprivileged(t, missing, "serve", "--listen", "127.0.0.1:0"))
	lost.await(t, regexpOf(`level=WARN msg="running without an admin socket: .*`+missing), 1)
}

// Root's services are in /run, whatever XDG_RUNTIME_DIR says. The test has one of
// its own.
func TestAdminOfRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("this is not root")
	}
	inside := []string{"--mount", "sh", "-c", `mount -t tmpfs none /run && exec "$0" "$@"`}
	if out, err := command("unshare", append(inside, "true")...).CombinedOutput(); err != nil {
		lacking(t, "no mount namespace to be had: "+err.Error()+" "+string(out))
	}
	cmd := command("unshare", append(inside, socksctl(t), "serve", "--listen", "127.0.0.1:0")...)
	cmd.Env = append(cmd.Env, "SOCKSCTL_SERVER_ADMIN=")
	p := startCommand(t, cmd)
	p.await(t, regexpOf(`msg=admin address=unix:/run/socksctl/serve.sock\n`), 1)
	beside := command("nsenter", "--target", strconv.Itoa(p.cmd.Process.Pid), "--mount", "--", socksctl(t), "reload")
	if got := mustRun(t, beside); got != "reloaded nothing; 0 sessions ended\n" {
		t.Errorf("got %q", got)
	}
}

// A socket and an address of one service: the socket changes and shows all, the
// address tells what it is asked by its own name, and both go to the next process.
func TestAdminAtSeveralPlaces(t *testing.T) {
	l := begin(t, "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--pprof", "--drain-timeout", "1ms")
	at := l.now.await(t, regexpOf(`msg=admin address=(127\S+)`), 1)[0][1]
	status := func(want string, args ...string) {
		t.Helper()
		if got := run(t, curl(t, append(args, "-o", "/dev/null", "-w", "%{http_code}")...)).stdout; got != want {
			t.Errorf("%s: got %s, want %s", strings.Join(args, " "), got, want)
		}
	}
	asked := func() {
		t.Helper()
		socket := []string{"--unix-socket", l.file("admin")}
		status("200", append(socket, "http://localhost/metrics")...)
		status("200", append(socket, "http://localhost/debug/pprof/goroutine")...)
		status("200", append(socket, "-X", "POST", "http://localhost/api/v1/reload")...)
		status("200", "http://"+at+"/metrics")
		status("403", "http://"+at+"/debug/pprof/goroutine")
		status("403", "-X", "POST", "http://"+at+"/api/v1/reload")
		status("403", "-H", "Host: evil.example.com", "http://"+at+"/metrics")
	}
	asked()
	l.replace(t).ended(t)
	if next := l.now.await(t, regexpOf(`msg=admin address=(127\S+)`), 1)[0][1]; next != at {
		t.Errorf("the next process is at %s, want %s", next, at)
	}
	asked()
}
