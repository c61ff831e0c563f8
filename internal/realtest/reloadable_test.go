//go:build linux

package realtest_test

import (
	"crypto/x509"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/files"
)

const (
	allowAll   = "[global]\ndefault_policy = \"allow\"\n"
	blockAlice = allowAll + "[[users]]\nname = \"alice\"\n[[users.rules]]\naction = \"block\"\n"
)

// reloadable is a server that all can be changed of: a plain listener with
// passwords, one with TLS that certificates or passwords will do for, rules, a
// CRL and a configuration file.
type reloadable struct {
	*process
	dir        string
	ca         *certs.CA
	plain, tls string
}

// newReloadable starts one for alice, bob and eve, who is revoked from the start.
// Changes of files pass it by unless it watches them.
func newReloadable(t *testing.T, watches bool) *reloadable {
	t.Helper()
	dir, err := os.MkdirTemp("", "r") // t.TempDir is too long for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	r := &reloadable{dir: dir}
	if r.ca, err = certs.NewCA("reload", certs.Options{}); err == nil {
		err = r.ca.Write(dir, false)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.put(t, "trusted.crt", string(r.ca.CertificatePEM())) // for clients, whatever becomes of the server's
	r.issueServer(t)
	for _, name := range []string{"alice", "bob", "eve"} {
		r.issue(t, name)
		r.password(t, "add", name)
	}
	r.revoke(t, "eve")
	r.put(t, "rules.toml", allowAll)
	r.put(t, "server.toml", "[server]\n")
	args := []string{
		"serve", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0",
		"--tls-cert", r.file("server.crt"), "--tls-key", r.file("server.key"), "--client-ca", r.file("ca.crt"),
		"--client-auth", "request", "--client-crl", r.file("crl.pem"), "--users", r.file("users"),
		"--acl", r.file("rules.toml"), "--config", r.file("server.toml"), "--admin", "unix:" + r.file("admin"),
	}
	if watches {
		r.process = start(t, args...)
	} else {
		r.process = startCommand(t, withoutWatch(t, args...))
		r.await(t, regexpOf("level=WARN msg=\"files are not watched"), 1)
	}
	for _, line := range r.await(t, listening, 2) {
		if line[2] == "socks5" {
			r.plain = line[1]
		} else {
			r.tls = line[1]
		}
	}
	r.await(t, regexpOf("msg=admin address="), 1)
	return r
}

// withoutWatch prepares a socksctl that can have no watch: in a user namespace
// of its own there are no inotify instances.
func withoutWatch(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	script := `echo 0 >/proc/sys/user/max_inotify_instances && exec "$0" "$@"`
	inside := append([]string{"--user", "--map-root-user", "sh", "-c"}, script)
	if out, err := command("unshare", append(inside, "true")...).CombinedOutput(); err != nil {
		lacking(t, "no user namespace to be had: "+err.Error()+" "+string(out))
	}
	return command("unshare", append(append(inside, socksctl(t)), args...)...)
}

func (r *reloadable) file(name string) string { return filepath.Join(r.dir, name) }

// put replaces a file in one go.
func (r *reloadable) put(t *testing.T, name, content string) {
	t.Helper()
	if err := files.Replace(r.file(name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (r *reloadable) issue(t *testing.T, name string) {
	t.Helper()
	pair, err := r.ca.Client(name, certs.Options{})
	if err == nil {
		err = pair.Write(r.dir, name, true)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// issueServer writes a new certificate of the server, and returns it.
func (r *reloadable) issueServer(t *testing.T) *x509.Certificate {
	t.Helper()
	pair, err := r.ca.Server([]string{"localhost"}, certs.Options{})
	if err == nil {
		err = pair.Write(r.dir, "server", true)
	}
	if err != nil {
		t.Fatal(err)
	}
	return pair.Certificate
}

func (r *reloadable) revoke(t *testing.T, name string) {
	t.Helper()
	if err := r.ca.Revoke(r.dir, name); err != nil {
		t.Fatal(err)
	}
}

// password adds or changes a user, whose password is the name, or removes one.
func (r *reloadable) password(t *testing.T, what, name string) {
	t.Helper()
	cmd := command(socksctl(t), "user", what, name, "--users", r.file("users"))
	cmd.Stdin = strings.NewReader(name + "\n")
	mustRun(t, cmd)
}

// The ways of a user to the server.
const (
	byPassword  = "password"
	byTLS       = "TLS"
	byForwarder = "forwarder"
)

// dialer returns a way of name's. A forwarder of its own is started for it.
func (r *reloadable) dialer(t *testing.T, way, name string) *client.Dialer {
	t.Helper()
	cert := []string{"--ca", r.file("trusted.crt"), "--cert", r.file(name + ".crt"), "--key", r.file(name + ".key")}
	switch way {
	case byPassword:
		return &client.Dialer{Address: r.plain, User: name, Password: name}
	case byForwarder:
		url := "socks5+tls://" + strings.Replace(r.tls, "127.0.0.1", "localhost", 1)
		args := []string{"forward", "--local", "127.0.0.1:0", "--server", url, "--warm", "0"} // what ends is counted
		p := start(t, append(args, cert...)...)
		return &client.Dialer{Address: p.await(t, listening, 1)[0][1]}
	}
	source, err := certs.NewClient(certs.ClientConfig{CAFile: cert[1], CertFile: cert[3], KeyFile: cert[5]})
	if err != nil {
		t.Fatal(err)
	}
	return &client.Dialer{Address: r.tls, TLS: source.TLSConfig("localhost")}
}

// The triggers of a reload, as the log has them.
const (
	bySignal = "SIGHUP"
	byFiles  = "file change"
	byAdmin  = "admin"
)

// trigger has r reload. By a change of files there is nothing to do. The result
// is that of socksctl reload.
func (r *reloadable) trigger(t *testing.T, by string) (said result) {
	t.Helper()
	switch by {
	case bySignal:
		r.signal(t, syscall.SIGHUP)
	case byAdmin:
		said = run(t, command(socksctl(t), "reload", "--admin", "unix:"+r.file("admin")))
	}
	return said
}

// echoes sends back what it gets, over TCP and UDP.
type echoes struct{ tcp, udp string }

func newEchoes(t *testing.T) echoes {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	echoOn(t, l, pc)
	return echoes{l.Addr().String(), pc.LocalAddr().String()}
}

// echoOn sends back what comes to l and pc, which are closed with the test.
func echoOn(t *testing.T, l net.Listener, pc net.PacketConn) {
	t.Helper()
	var running sync.WaitGroup
	running.Go(func() { // these end with the sockets
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				_, _ = io.Copy(c, c) // the client sees what fails
			})
		}
	})
	running.Go(func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = pc.WriteTo(buf[:n], from)
		}
	})
	t.Cleanup(func() {
		l.Close()
		pc.Close()
		running.Wait()
	})
}
