package subject

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"

	"github.com/socksctl/socksctl/bench/load/internal/process"
)

// sshdConfig lets in whoever has the key.
const sshdConfig = `ListenAddress %s
Port %s
HostKey %s
AuthorizedKeysFile %s.pub
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
UseDNS no
PidFile none
LogLevel ERROR
`

// SSH is ssh -D with an sshd, both of Debian.
func SSH() Subject {
	return Subject{Name: "ssh -D, both ends", start: func(e *Env, r *Running, _ string, o Options) error {
		sshd, err := look("sshd", "/usr/sbin/sshd")
		if err != nil {
			return err
		}
		ssh, err := look("ssh")
		if err != nil {
			return err
		}
		server := e.address()
		key, config, err := e.sshFiles(server)
		if err != nil {
			return err
		}
		if err := r.start(server, sshd, "-D", "-e", "-f", config); err != nil {
			return err
		}
		me, err := user.Current()
		if err != nil {
			return err
		}
		by, err := r.by(server, o.Delay)
		if err != nil {
			return err
		}
		r.Way.Proxy = e.address()
		host, port, err := net.SplitHostPort(by)
		if err != nil {
			return err
		}
		return r.start(r.Way.Proxy, ssh, "-F", "none", "-N", "-D", r.Way.Proxy, "-i", key, "-l", me.Username, "-p", port,
			"-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR",
			"-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes", host)
	}}
}

// sshFiles makes a key, which is the host's and the user's, and a configuration.
func (e *Env) sshFiles(server string) (key, config string, err error) {
	if os.Getuid() == 0 { // sshd's service makes it otherwise
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { //nolint:gosec // as its service makes it
			return "", "", err
		}
	}
	key = filepath.Join(e.dir, "ssh")
	if _, err := os.Stat(key); errors.Is(err, fs.ErrNotExist) {
		if err := process.Run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key); err != nil {
			return "", "", err
		}
	}
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		return "", "", err
	}
	config, err = e.file("sshd_config", fmt.Sprintf(sshdConfig, host, port, key, key))
	return key, config, err
}
