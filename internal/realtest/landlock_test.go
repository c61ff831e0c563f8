//go:build linux

package realtest_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/socksctl/socksctl/client"
)

// needLandlock ends a test for want of it. The kernel tells its version to
// landlock_create_ruleset(2) with LANDLOCK_CREATE_RULESET_VERSION.
func needLandlock(t *testing.T) {
	t.Helper()
	if _, _, errno := syscall.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION); errno != 0 {
		t.Skipf("this kernel has no Landlock: %v", errno)
	}
}

// folders returns a new directory with some in it, each for one thing.
func folders(t *testing.T, names ...string) string {
	t.Helper()
	dir := runtimeDir(t)
	for _, name := range names {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// linkTo has path, in one step, be a symbolic link.
func linkTo(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// Behind its walls a service does all that it is for, and reads no file elsewhere.
func TestLandlock(t *testing.T) {
	needLandlock(t)
	to, dir := newEchoes(t), folders(t, "rules", "history", "audit", "admin", "other")
	rules, other := filepath.Join(dir, "rules", "rules"), writeFile(t, filepath.Join(dir, "other", "rules"), allowAll)
	log, admin, store := filepath.Join(dir, "audit", "log"), "unix:"+filepath.Join(dir, "admin", "a"), "sqlite://"+dir+"/history/h.db"
	writeFile(t, rules, allowAll)
	args := []string{"serve", "--listen", "127.0.0.1:0", "--landlock", "on", "--log-level", "debug", "--takeover",
		"--acl", rules, "--audit", log, "--history", store, "--admin", admin}
	first := start(t, args...)
	d := &client.Dialer{Address: first.addresses(t, 1)[0]}
	first.await(t, regexpOf(`msg="landlock is on"`), 1)
	for _, s := range sessions(t, d, to) {
		if err := s.alive(); err != nil {
			t.Errorf("%s: %v", s.what, err)
		}
		s.close()
	}
	_, port := splitHostPort(t, to.tcp)
	if err := reach(d, echoes{tcp: net.JoinHostPort("localhost", port)}); err != nil {
		t.Errorf("by name: %v", err)
	}
	page := mustRun(t, curl(t, "--unix-socket", strings.TrimPrefix(admin, "unix:"), "http://localhost/metrics"))
	if !strings.Contains(page, "\nprocess_open_fds ") {
		t.Error("the metrics of the process are missing")
	}
	reload := func() result { return run(t, command(socksctl(t), "reload", "--admin", admin)) }
	linkTo(t, other, rules)
	if r := reload(); exitStatus(r.err) != 3 || !strings.Contains(r.stderr, "permission denied: since the start only the folders") {
		t.Errorf("rules in another folder: %v, %s", r.err, r.stderr)
	}
	if err := os.Rename(writeFile(t, rules+".new", blockAlice), rules); err != nil { // the link itself
		t.Fatal(err)
	}
	if r := reload(); r.err != nil {
		t.Errorf("rules that were replaced: %s", r.stderr)
	}
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	first.signal(t, syscall.SIGHUP)
	first.await(t, regexpOf(`msg=reloaded by=SIGHUP`), 1)
	if err := reach(d, to); err != nil {
		t.Error(err)
	}
	second := start(t, args...)
	second.await(t, listening, 1)
	first.ended(t)
	for name, want := range map[string]string{log: `"event":"opened"`, log + ".1": `"event":"opened"`} {
		if text, err := os.ReadFile(name); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: got %s, %v, want %s", name, text, err, want)
		}
	}
	second.stop(t)
	if _, err := os.Stat(strings.TrimPrefix(admin, "unix:")); err == nil {
		t.Error("the admin socket is still there")
	}
	if records := historyOf(t, store); len(records) < 5 {
		t.Errorf("got %d records, want those of 5 sessions", len(records))
	}
}

// A program that verifies logins has what is needed to run it, and no file
// elsewhere.
func TestLandlockAuthCommand(t *testing.T) {
	needLandlock(t)
	to, dir := newEchoes(t), folders(t, "bin", "other")
	secret := writeFile(t, filepath.Join(dir, "other", "secret"), "alice\n")
	verify := executable(t, filepath.Join(dir, "bin", "verify"), "#!/bin/sh\nread name\ncat /etc/hosts >/dev/null || exit 2\ncat \"$1\" || exit 3\n")
	for name, c := range map[string]struct {
		landlock, file string
		admits         bool
	}{
		"beside it":           {"on", verify, true},
		"elsewhere":           {"on", secret, false},
		"elsewhere, and auto": {"auto", secret, true},
	} {
		p := start(t, "serve", "--listen", "127.0.0.1:0", "--auth-command", verify+" "+c.file, "--landlock", c.landlock, "--log-level", "debug")
		err := reach(&client.Dialer{Address: p.addresses(t, 1)[0], User: "alice", Password: "x"}, to)
		if (err == nil) != c.admits {
			t.Errorf("%s: got %v", name, err)
		}
		if !c.admits {
			p.await(t, regexpOf(`Permission denied`), 1)
		}
		p.stop(t)
	}
}

// A forwarder reads new certificates behind its walls.
func TestLandlockForward(t *testing.T) {
	needLandlock(t)
	to, keys := newEchoes(t), certificates(t)
	s := start(t, "serve", "--tls-listen", "127.0.0.1:0", "--allow-private", "--landlock", "on",
		"--tls-cert", keys.file("server.crt"), "--tls-key", keys.file("server.key"), "--client-ca", keys.file("ca.crt"))
	dir := folders(t, "keys")
	args := keys.client()
	for i, arg := range args {
		if !filepath.IsAbs(arg) {
			continue
		}
		args[i] = filepath.Join(dir, "keys", filepath.Base(arg))
		text, err := os.ReadFile(arg)
		if err == nil {
			err = os.WriteFile(args[i], text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	_, port := splitHostPort(t, s.addresses(t, 1)[0])
	p := start(t, append([]string{"forward", "--local", "unix:" + filepath.Join(dir, "s"), "--server", "socks5+tls://localhost:" + port, "--landlock", "on"}, args...)...)
	p.await(t, listening, 1)
	for range 2 {
		if err := reach(&client.Dialer{Network: "unix", Address: filepath.Join(dir, "s")}, to); err != nil {
			t.Error(err)
		}
		p.signal(t, syscall.SIGHUP)
		p.await(t, regexpOf(`msg=reloaded by=SIGHUP`), 1)
	}
	p.stop(t)
	if _, err := os.Stat(filepath.Join(dir, "s")); err == nil {
		t.Error("its socket is still there")
	}
}

// A kernel without it is an error to those who want it, and to nobody else.
func TestLandlockMissing(t *testing.T) {
	strace := program(t, "strace", "strace")
	to := newEchoes(t)
	without := func(mode string) []string {
		return []string{"-f", "-D", "-qq", "-o", os.DevNull, "-e", "trace=landlock_create_ruleset", "-e", "inject=landlock_create_ruleset:error=ENOSYS",
			socksctl(t), "serve", "--listen", "127.0.0.1:0", "--log-level", "debug", "--landlock", mode}
	}
	if r := run(t, command(strace, without("on")...)); exitStatus(r.err) != 3 || !strings.Contains(r.stderr, "server.landlock: the kernel has no Landlock") {
		t.Errorf("got %v, %s", r.err, r.stderr)
	}
	p := startCommand(t, command(strace, without("auto")...))
	p.await(t, regexpOf(fmt.Sprintf(`level=DEBUG msg="landlock is off" err=%q`, "the kernel has no Landlock")), 1)
	if err := reach(&client.Dialer{Address: p.addresses(t, 1)[0]}, to); err != nil {
		t.Error(err)
	}
}
