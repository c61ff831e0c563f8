//go:build linux

package realtest_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
)

// sshServer starts an sshd with keys of its own and returns an ssh that reaches
// it through proxyCommand and runs the command there.
func sshServer(t *testing.T) func(proxyCommand, command string) *exec.Cmd {
	t.Helper()
	ssh, sshd := program(t, "ssh", "openssh-client"), program(t, "sshd", "openssh-server")
	dir := t.TempDir()
	hostKey, userKey := sshKey(t, dir, "host"), sshKey(t, dir, "user")
	if os.Getuid() == 0 { // sshd's service makes it otherwise
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	config := writeFile(t, filepath.Join(dir, "sshd_config"), fmt.Sprintf(
		"HostKey %s\nAuthorizedKeysFile %s.pub\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\nUseDNS no\n",
		hostKey, userKey))
	port := inetd(t, sshd, "-i", "-e", "-f", config)

	public, err := os.ReadFile(hostKey + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	knownHosts := writeFile(t, filepath.Join(dir, "known_hosts"), fmt.Sprintf("[127.0.0.1]:%s %s", port, public))
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return func(proxyCommand, remote string) *exec.Cmd {
		return command(ssh, "-F", "none", "-i", userKey, "-p", port, "-l", me.Username,
			"-o", "UserKnownHostsFile="+knownHosts, "-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes",
			"-o", "BatchMode=yes", "-o", "ProxyCommand="+proxyCommand, "127.0.0.1", remote)
	}
}

func sshKey(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	mustRun(t, command(program(t, "ssh-keygen", "openssh-client"), "-q", "-t", "ed25519", "-N", "", "-f", path))
	return path
}

// throughSSH sends a stream to a remote program that hashes what it gets, and
// has another one send a stream: each has to arrive whole, and the end of stdin
// too, or the first would not end.
func throughSSH(t *testing.T, ssh func(proxyCommand, command string) *exec.Cmd, proxyCommand string) {
	t.Helper()
	const size = 8 << 20
	want := streamChecksum(size)

	up := ssh(proxyCommand, "sha256sum")
	up.Stdin = stream(size)
	if got := mustRun(t, up); !strings.HasPrefix(got, strings.Fields(want)[1]) {
		t.Errorf("the remote sha256sum says %q, want %q", got, want)
	}

	source := filepath.Join(t.TempDir(), "source")
	writeStream(t, source, size)
	got, err := checksum(strings.NewReader(mustRun(t, ssh(proxyCommand, "cat "+source))))
	if err != nil || got != want {
		t.Errorf("read through ssh: got %s (%v), want %s", got, err, want)
	}
}

func TestSSHThroughConnectMutualTLS(t *testing.T) {
	ssh := sshServer(t)
	eachWay(t, func(t *testing.T, proxy string) {
		throughSSH(t, ssh, socksctl(t)+" connect --server socks5://"+proxy+" %h:%p")
	})
	t.Run("certificate", func(t *testing.T) {
		flags := append([]string{socksctl(t), "connect", "--server", serve(t).url()}, certificates(t).client()...)
		throughSSH(t, ssh, strings.Join(flags, " ")+" %h:%p")
	})
}

func TestSSHThroughNcatMutualTLS(t *testing.T) {
	ssh, ncat := sshServer(t), program(t, "ncat", "ncat")
	eachWay(t, func(t *testing.T, proxy string) {
		throughSSH(t, ssh, ncat+" --proxy-type socks5 --proxy "+proxy+" %h %p")
	})
}
