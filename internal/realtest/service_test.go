//go:build linux

package realtest_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/client"
)

// userManager is a real systemd that manages the services of a user, in a mount
// namespace where /run and the units of the host are its own.
type userManager struct {
	*process
	home string
}

func newUserManager(t *testing.T) userManager {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("this is not root: no mount namespace to be had")
	}
	systemd, m := program(t, "/lib/systemd/systemd", "systemd"), newManager(t)
	u := userManager{home: folders(t)}
	script := `set -e
mount -t tmpfs none /run
mount -t tmpfs none /etc/systemd/system
mkdir -p /run/systemd/system "$XDG_RUNTIME_DIR"
chmod 700 "$XDG_RUNTIME_DIR"
exec ` + systemd + ` --user --log-target=console`
	cmd := u.command("unshare", "--mount", "sh", "-c", script)
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+m.LocalAddr().String())
	u.process = startCommand(t, cmd)
	for {
		if message, _ := m.told(t); strings.Contains(message, "READY=1") {
			return u
		}
	}
}

// command is command with the environment of the user.
func (u userManager) command(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	cmd.SysProcAttr = command(path).SysProcAttr
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + u.home, "XDG_RUNTIME_DIR=/run/user/x", "GORACE=atexit_sleep_ms=0"}
	cmd.Dir = u.home
	return cmd
}

// inside prepares a program in the namespace of the manager.
func (u userManager) inside(args ...string) *exec.Cmd {
	enter := []string{fmt.Sprintf("--mount=/proc/%d/ns/mnt", u.cmd.Process.Pid), "--wdns=" + u.home, "--"}
	return u.command("nsenter", append(enter, args...)...)
}

// socksctl runs one there that has to end with a status, and returns what it says.
func (u userManager) socksctl(t *testing.T, status int, args ...string) string {
	t.Helper()
	r := run(t, u.inside(append([]string{socksctl(t)}, args...)...))
	if exitStatus(r.err) != status {
		t.Errorf("socksctl %s: got status %d, want %d: %s%s", strings.Join(args, " "), exitStatus(r.err), status, r.stdout, r.stderr)
	}
	return r.stdout + r.stderr
}

// A service of a user's, from its installation to its end, by the systemd that would
// run it.
func TestServiceOfUser(t *testing.T) {
	analyze, u := program(t, "systemd-analyze", "systemd"), newUserManager(t)
	to := newEchoes(t)
	far := start(t, "serve", "--listen", "127.0.0.1:0").addresses(t, 1)[0]
	d := &client.Dialer{Network: "unix", Address: filepath.Join(u.home, "s")}
	writeFile(t, filepath.Join(u.home, "my rules 100% $HOME"), allowAll)
	says := func(got, want string) {
		t.Helper()
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	says(u.socksctl(t, 1, "service", "status", "--", "forward"), "not installed")
	install := []string{"service", "install", "--", "forward", "--local", "unix:s", "--server", "socks5://" + far, "--acl", "my rules 100% $HOME"}
	u.socksctl(t, 0, install...)
	file := filepath.Join(u.home, ".config", "systemd", "user", "socksctl-forward.service")
	if out, err := u.inside(analyze, "--user", "verify", file).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("verify: %v: %s", err, out)
	}
	says(u.socksctl(t, 1, install...), "installed already")
	says(u.socksctl(t, 1, "service", "status", "--", "forward"), "stopped")
	u.socksctl(t, 0, "service", "start", "--", "forward")
	says(u.socksctl(t, 0, "service", "status", "--", "forward"), "running")
	if err := reach(d, to); err != nil {
		t.Error(err)
	}
	says(u.socksctl(t, 0, "status"), "1 of 1 server up")
	mustRun(t, u.inside("systemctl", "--user", "reload", "socksctl-forward"))
	u.socksctl(t, 0, "service", "stop", "--", "forward")
	says(u.socksctl(t, 1, "service", "status", "--", "forward"), "stopped")
	if err := reach(d, to); err == nil {
		t.Error("it serves after its end")
	}
	u.socksctl(t, 0, "service", "start", "--", "forward")
	u.socksctl(t, 0, "service", "uninstall", "--", "forward")
	says(u.socksctl(t, 1, "service", "status", "--", "forward"), "not installed")
	if _, err := os.Stat(file); err == nil {
		t.Error("the unit is still there")
	}
}

// So do the commands that docs/operations.md has for that, in their order.
func TestServiceAsDocumented(t *testing.T) {
	u, lines := newUserManager(t), ""
	for _, b := range blocks(readFile(t, "../../docs/operations.md")) {
		if b.runner == "service" {
			lines += b.body
		}
	}
	if !strings.Contains(lines, "service uninstall") {
		t.Fatalf("the page has no such commands: %q", lines)
	}
	far := start(t, "serve", "--listen", "127.0.0.1:0").addresses(t, 1)[0]
	writeFile(t, filepath.Join(u.home, "forward.toml"), fmt.Sprintf("[forward]\nlocal = [\"unix:s\"]\nserver = [\"socks5://%s\"]\n", far))
	cmd := u.inside("bash", "-euxc", lines)
	cmd.Env = append(cmd.Env, "PATH="+filepath.Dir(socksctl(t))+":"+os.Getenv("PATH"))
	if out := mustRun(t, cmd); !strings.Contains(out, "running") {
		t.Errorf("got %s", out)
	}
}

// The unit of a service of the host is in order, and tells systemd of no more rights
// than it needs. A systemctl that takes everything stands in for that of the host.
func TestServiceOfHost(t *testing.T) {
	analyze, u := program(t, "systemd-analyze", "systemd"), newUserManager(t)
	executable(t, filepath.Join(u.home, "systemctl"), "#!/bin/sh\necho \"$@\" >>"+u.home+"/asked\n")
	writeFile(t, filepath.Join(u.home, "rules"), allowAll)
	cmd := u.inside(socksctl(t), "service", "install", "--system", "--", "serve", "--listen", "127.0.0.1:1080", "--acl", "rules",
		"--audit", "log/audit", "--history", "sqlite://"+u.home+"/h/h.db")
	cmd.Env = append(cmd.Env, "PATH="+u.home+":"+os.Getenv("PATH"))
	mustRun(t, cmd)
	file := filepath.Join(fmt.Sprintf("/proc/%d/root", u.cmd.Process.Pid), "etc/systemd/system/socksctl-serve.service")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\nExecStart=\"" + socksctl(t) + "\" \"serve\" \"--acl=" + u.home + "/rules\" ", "\nReadWritePaths=-\"" + u.home + "/log\"\n",
		"\nReadWritePaths=-\"" + u.home + "/h\"\n", "\nWantedBy=multi-user.target\n", "\nWorkingDirectory=" + u.home + "\n",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	copied := writeFile(t, filepath.Join(t.TempDir(), "socksctl-serve.service"), string(text))
	if out, err := command(analyze, "verify", copied).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("verify: %v: %s", err, out)
	}
	if out, err := command(analyze, "security", "--offline=true", "--no-pager", "--threshold=30", copied).CombinedOutput(); err != nil {
		t.Errorf("security: %v: %s", err, out)
	}
	if asked, err := os.ReadFile(filepath.Join(u.home, "asked")); err != nil || !strings.Contains(string(asked), "enable socksctl-serve.service\ndaemon-reload\n") {
		t.Errorf("asked systemctl %s, %v", asked, err)
	}
}
