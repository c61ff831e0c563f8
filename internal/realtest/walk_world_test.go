//go:build linux

package realtest_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/internal/pgtest"
)

// The hosts of the documents. This test is the laptop; it has no way to the
// internet but through the server.
const (
	laptopAddr   = "198.51.100.2"
	serverAddr   = "198.51.100.1"
	serverPublic = "93.184.215.1" // its address on the internet
	originAddr   = "93.184.215.14"
	resolverAddr = "9.9.9.9"
	internet     = "--net=/run/netns/internet" // for nsenter
)

// world is the network of the documents.
type world struct {
	dir string
	ca  string // the CA of the internet's web servers
	bin string // programs that go before those of the system

	cluster *pgtest.Cluster // of the database
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir()}
	w.ca, w.bin = filepath.Join(w.dir, "ca.pem"), filepath.Join(w.dir, "bin")
	w.mounts(t)
	writeFile(t, "/etc/hosts", strings.Join([]string{
		"127.0.0.1 localhost", "::1 localhost", serverAddr + " proxy.example.com",
		"192.0.2.11 a.example.com", "192.0.2.12 b.example.com",
		originAddr + " example.com www.example.com host.example.com ftp.example.com echo.example.com db.example.com ldap.example.com", "",
	}, "\n"))
	writeFile(t, "/etc/resolv.conf", "nameserver 127.0.0.1\noptions attempts:1 timeout:1\n")
	for _, line := range []string{
		"ip link set lo up",
		"ip netns add server",
		"ip netns add internet",
		"ip -n server link set lo up",
		"ip -n internet link set lo up",
		"ip link add laptop type veth peer name server netns server",
		"ip -n server link add internet type veth peer name internet netns internet",
		"ip addr add " + laptopAddr + "/24 dev laptop",
		"ip -n server addr add " + serverAddr + "/24 dev server",
		"ip -n server addr add " + serverPublic + "/24 dev internet",
		"ip -n internet addr add " + originAddr + "/24 dev internet",
		"ip -n internet addr add " + resolverAddr + "/32 dev lo",
		"ip link set laptop up",
		"ip -n server link set server up",
		"ip -n server link set internet up",
		"ip -n internet link set internet up",
		"ip -n server route add default via " + originAddr,
	} {
		words := strings.Fields(line)
		mustRun(t, command(program(t, words[0], "iproute2"), words[1:]...))
	}
	w.web(t)
	echoOn(t, onInternet(t, net.Listen, "tcp", originAddr+":7"), onInternet(t, net.ListenPacket, "udp", originAddr+":7"))
	w.names(t)
	w.ssh(t)
	w.ftp(t)
	w.database(t)
	w.directory(t)
	w.fleet(t)
	return w
}

// mounts gives the world a /run of its own, and an /etc, a /usr/local and a /var with
// what is in those of the machine.
func (w *world) mounts(t *testing.T) {
	t.Helper()
	over := filepath.Join(w.dir, "over")
	script := `
set -e
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir "$0" && mount -t tmpfs tmpfs "$0"
for dir in etc usr/local var; do
	mkdir -p "$0/$dir" "$0/$dir.work"
	mount -t overlay -o "lowerdir=/$dir,upperdir=$0/$dir,workdir=$0/$dir.work" overlay "/$dir"
done
umount --lazy "$0"
rm -f /etc/hosts /etc/resolv.conf
touch /etc/hosts /etc/resolv.conf`
	mustRun(t, command("sh", "-c", script, over))
}

// onInternet listens there. Its thread comes back from there and lives on: processes
// that it started would die with it.
func onInternet[T any](t *testing.T, listen func(network, address string) (T, error), network, address string) T {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	here, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	there, err := os.Open("/run/netns/internet")
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	l, err := listen(network, address)
	if err := errors.Join(err, unix.Setns(int(here.Fd()), unix.CLONE_NEWNET)); err != nil {
		t.Fatal(err)
	}
	return l
}

// web starts a web server that has a page and a git repository.
func (w *world) web(t *testing.T) {
	t.Helper()
	ca, err := certs.NewCA("the internet", certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Server([]string{"example.com", "www.example.com", "db.example.com", "ldap.example.com"}, certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := pair.Write(w.dir, "web", false); err != nil {
		t.Fatal(err)
	}
	writeFile(t, w.ca, string(ca.CertificatePEM()))
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprintln(rw, "hello from example.com") })
	mux.Handle("/", http.FileServer(http.Dir(w.repository(t))))
	pages := &http.Server{Handler: mux}
	plain := onInternet(t, net.Listen, "tcp", originAddr+":80")
	secure := tls.NewListener(onInternet(t, net.Listen, "tcp", originAddr+":443"), &tls.Config{Certificates: []tls.Certificate{*pair.TLS()}})
	for _, l := range []net.Listener{plain, secure} {
		go func() { // ends with pages
			if err := pages.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
		}()
	}
	t.Cleanup(func() { pages.Close() })
}

// repository makes a git repository that a web server can hand out as files.
func (w *world) repository(t *testing.T) (root string) {
	t.Helper()
	git, root := program(t, "git", "git"), filepath.Join(w.dir, "www")
	repo := filepath.Join(root, "repo.git")
	mustRun(t, command(git, "init", "-q", "--bare", repo))
	commit := command(git, "-C", repo, "commit-tree", "-m", "begin", "4b825dc642cb6eb9a060e54bf8d69288fbee4904")
	commit.Env = append(commit.Env, "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	mustRun(t, command(git, "-C", repo, "hash-object", "-t", "tree", "-w", "/dev/null"))
	hash := strings.TrimSpace(mustRun(t, commit))
	mustRun(t, command(git, "-C", repo, "update-ref", "HEAD", hash))
	mustRun(t, command(git, "-C", repo, "update-server-info"))
	return root
}

// names answers for the public resolver.
func (w *world) names(t *testing.T) {
	t.Helper()
	answerOn(t, onInternet(t, net.ListenPacket, "udp", resolverAddr+":53"), func(query []byte) ([]byte, error) {
		return answerTXT(query, "an answer from the resolver")
	})
}

// ssh starts an sshd, and an ssh that has a key for it.
func (w *world) ssh(t *testing.T) {
	t.Helper()
	ssh, sshd := program(t, "ssh", "openssh-client"), program(t, "sshd", "openssh-server")
	host, mine := sshKey(t, w.dir, "host"), sshKey(t, w.dir, "mine")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	public, err := os.ReadFile(host + ".pub")
	if err := errors.Join(err, os.MkdirAll("/run/sshd", 0o755), os.Mkdir(w.bin, 0o755)); err != nil {
		t.Fatal(err)
	}
	known := writeFile(t, filepath.Join(w.dir, "known_hosts"), "host.example.com "+string(public))
	config := writeFile(t, filepath.Join(w.dir, "ssh_config"), fmt.Sprintf(
		"Host *\nUser %s\nIdentityFile %s\nUserKnownHostsFile %s\nBatchMode yes\n", me.Username, mine, known))
	wrapper := writeFile(t, filepath.Join(w.bin, "ssh"), fmt.Sprintf("#!/bin/sh\nexec %s -F %s \"$@\"\n", ssh, config))
	socksctl := writeFile(t, filepath.Join(w.bin, "socksctl"), "#!/bin/sh\nexec \"$PROGRAM\" \"$@\"\n") // for ProxyCommand
	if err := errors.Join(os.Chmod(wrapper, 0o755), os.Chmod(socksctl, 0o755)); err != nil {
		t.Fatal(err)
	}
	daemon := writeFile(t, filepath.Join(w.dir, "sshd_config"), fmt.Sprintf(
		"HostKey %s\nAuthorizedKeysFile %s.pub\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\nUseDNS no\n", host, mine))
	inetdAt(t, onInternet(t, net.Listen, "tcp", originAddr+":22"), sshd, "-i", "-e", "-f", daemon)
}

// ftp starts a server that only knows active mode.
func (w *world) ftp(t *testing.T) {
	t.Helper()
	s := newFTPServerAt(t, onInternet(t, net.Listen, "tcp", originAddr+":21"), "/usr/bin/nsenter", internet)
	path := writeFile(t, filepath.Join(s.root, "file"), "a file\n")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
}
