//go:build linux

package realtest_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The users of these tests: who runs the proxy, and somebody else.
const (
	ownUser   = 40_001
	otherUser = 40_002
)

// as makes cmd run as another user.
func as(uid uint32, cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: uid}
	return cmd
}

// needUsers skips a test that cannot run programs as other users.
func needUsers(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		lacking(t, "to run programs of several users takes root")
	}
}

// ownDirectory is a directory of ownUser's that others may enter.
func ownDirectory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "u") // t.TempDir is too long for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chown(dir, ownUser, ownUser), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// ownCertificates is a copy of the certificates that ownUser can read.
func ownCertificates(t *testing.T) pki {
	t.Helper()
	keys, dir := certificates(t), ownDirectory(t)
	for _, name := range []string{"ca.crt", "server.crt", "server.key", "alice.crt", "alice.key"} {
		text, err := os.ReadFile(keys.file(name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(writeFile(t, filepath.Join(dir, name), string(text)), ownUser, ownUser); err != nil {
			t.Fatal(err)
		}
	}
	return pki(dir)
}

// refusal finds what a proxy of ownUser's logs of a client that it turned away.
var refusal = regexp.MustCompile(`(?m)^.*msg=refused.*err="the client's socket is of uid (\d+), not of uid 40001".*$`)

// spot is where a proxy listens, and how its apps are told of it.
type spot struct {
	listen     string
	curl, ncat []string // ADDR, HOST and PORT stand for what it listens on
}

// spots are the kinds of listeners. Their unix socket is in dir.
func spots(dir string) map[string]spot {
	path := filepath.Join(dir, "s")
	tcp := spot{curl: []string{"--socks5-hostname", "ADDR"}, ncat: []string{"HOST", "PORT"}}
	v4, v6 := tcp, tcp
	v4.listen, v6.listen = "127.0.0.1:0", "[::1]:0"
	return map[string]spot{
		"IPv4": v4,
		"IPv6": v6,
		"unix": {"unix:" + path, []string{"--proxy", "socks5h://localhost" + path}, []string{"-U", path}},
	}
}

// at fills in where the proxy listens.
func at(addr string, args []string) (filled []string) {
	host, port, _ := net.SplitHostPort(addr) // of a unix socket there is none
	for _, arg := range args {
		filled = append(filled, strings.NewReplacer("ADDR", addr, "HOST", host, "PORT", port).Replace(arg))
	}
	return filled
}

// eachSpot holds that a proxy that ownUser starts serves its owner's programs and
// gives no byte to those of others, root's among them.
func eachSpot(t *testing.T, start func(t *testing.T, listen string) *process) {
	port, dir := newOrigin(t), ownDirectory(t)
	for name, s := range spots(dir) {
		t.Run(name, func(t *testing.T) {
			p := start(t, s.listen)
			addr := p.await(t, listening, 1)[0][1]
			if path, isUnix := strings.CutPrefix(addr, "unix:"); isUnix { // else its mode keeps others out
				if err := os.Chmod(path, 0o777); err != nil {
					t.Fatal(err)
				}
			}
			args := append(at(addr, s.curl), "http://127.0.0.1:"+port+"/1000")
			if got := mustRun(t, as(ownUser, curl(t, args...))); len(got) != 1000 {
				t.Errorf("the owner got %d bytes, want 1000", len(got))
			}
			turnsAway(t, p, otherUser, args, at(addr, s.ncat))
			turnsAway(t, p, 0, args, at(addr, s.ncat))
		})
	}
}

// turnsAway has curl and ncat try as another user.
func turnsAway(t *testing.T, p *process, uid uint32, curlArgs, ncatArgs []string) {
	t.Helper()
	r := run(t, as(uid, curl(t, curlArgs...)))
	if got, want := exitStatus(r.err), 97; got != want || r.stdout != "" { // 97: the proxy refused
		t.Errorf("curl of uid %d: status %d and %d bytes, want %d and none\n%s", uid, got, len(r.stdout), want, r.stderr)
	}
	cmd := as(uid, command(program(t, "ncat", "ncat"), ncatArgs...))
	cmd.Stdin = strings.NewReader(greeting)
	if r := run(t, cmd); r.stdout != "" {
		t.Errorf("ncat of uid %d got %q, want nothing", uid, r.stdout)
	}
	logged(t, p, uid, 2)
}

// logged wants n refusals of uid in the log.
func logged(t *testing.T, p *process, uid uint32, n int) {
	t.Helper()
	of := strings.Replace(refusal.String(), `(\d+)`, strconv.Itoa(int(uid)), 1)
	p.await(t, regexp.MustCompile(of), n)
}

func TestSameUserServe(t *testing.T) {
	needUsers(t)
	eachSpot(t, func(t *testing.T, listen string) *process {
		return startCommand(t, as(ownUser, command(socksctl(t), "serve", "--listen", listen, "--same-user")))
	})
}

func TestSameUserForwardMutualTLS(t *testing.T) {
	needUsers(t)
	keys := ownCertificates(t)
	eachSpot(t, func(t *testing.T, listen string) *process {
		args := append([]string{"forward", "--local", listen, "--server", serve(t).url(), "--same-user"}, keys.client()...)
		return startCommand(t, as(ownUser, command(socksctl(t), args...)))
	})
}

// Of a TLS listener another user gets not even an alert.
func TestSameUserServeMutualTLS(t *testing.T) {
	needUsers(t)
	keys := ownCertificates(t)
	p := startCommand(t, as(ownUser, command(socksctl(t), "serve", "--tls-listen", "127.0.0.1:0", "--same-user",
		"--tls-cert", keys.file("server.crt"), "--tls-key", keys.file("server.key"), "--client-ca", keys.file("ca.crt"))))
	addr := p.await(t, listening, 1)[0][1]
	ask := func(uid uint32) result {
		cmd := command(program(t, "openssl", "openssl"), "s_client", "-connect", addr, "-brief", "-ign_eof", "-msg",
			"-servername", "localhost", "-cert", keys.file("alice.crt"), "-key", keys.file("alice.key"))
		cmd.Stdin = strings.NewReader(greeting)
		return run(t, as(uid, cmd))
	}
	if r := ask(ownUser); !strings.Contains(r.stdout, "<<< TLS") || !strings.Contains(r.stderr, "Protocol version: TLSv1.3") {
		t.Errorf("the owner: got %q and %q (%v), want TLS 1.3", r.stdout, r.stderr, r.err)
	}
	if r := ask(0); !strings.Contains(r.stdout, ">>> TLS") || strings.Contains(r.stdout, "<<<") {
		t.Errorf("root: got %q and %q, want a hello to the server and nothing back", r.stdout, r.stderr)
	}
	logged(t, p, 0, 1)
}

// An association is its client's even when another user is the first to find its
// port.
func TestSameUserUDPMutualTLS(t *testing.T) {
	needUsers(t)
	keys := ownCertificates(t)
	target := udpSocket(t, ownUser)
	p := startCommand(t, as(ownUser, command(socksctl(t), append([]string{
		"forward", "--local", "127.0.0.1:0", "--server", serve(t).url(), "--same-user",
	}, keys.client()...)...)))
	var c net.Conn
	asUser(t, ownUser, func() (err error) {
		c, err = net.Dial("tcp", p.await(t, listening, 1)[0][1])
		return err
	})
	defer c.Close()
	at := associate(t, c)
	datagram := append([]byte{0, 0, 0, 1, 127, 0, 0, 1}, binary.BigEndian.AppendUint16(nil, target.LocalAddr().(*net.UDPAddr).AddrPort().Port())...)
	for _, one := range []struct {
		uid  uint32
		data string
	}{{otherUser, "not mine"}, {0, "nor mine"}, {ownUser, "mine"}} {
		if _, err := udpSocket(t, one.uid).WriteToUDPAddrPort(append(slices.Clip(datagram), one.data...), at); err != nil {
			t.Fatal(err)
		}
	}
	b := make([]byte, 100)
	target.SetReadDeadline(time.Now().Add(startLimit))
	n, _, err := target.ReadFromUDPAddrPort(b)
	if got := string(b[:n]); err != nil || got != "mine" {
		t.Errorf("the target got %q (%v), want %q", got, err, "mine")
	}
}

// udpSocket is one of a user's on loopback.
func udpSocket(t *testing.T, uid uint32) (c *net.UDPConn) {
	t.Helper()
	asUser(t, uid, func() (err error) {
		c, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		return err
	})
	t.Cleanup(func() { c.Close() })
	return c
}

// associate asks for UDP ASSOCIATE on c, and returns where datagrams go.
func associate(t *testing.T, c net.Conn) netip.AddrPort {
	t.Helper()
	c.SetDeadline(time.Now().Add(startLimit))
	if _, err := c.Write([]byte("\x05\x01\x00" + "\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 12)
	if _, err := io.ReadFull(c, b); err != nil || string(b[:6]) != "\x05\x00\x05\x00\x00\x01" {
		t.Fatalf("got % x (%v), want success", b, err)
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[6:])), binary.BigEndian.Uint16(b[10:]))
}

// become gives the thread another effective uid.
func become(uid int) error {
	keep := ^uintptr(0)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, keep, uintptr(uid), keep); errno != 0 {
		return errno
	}
	return nil
}

// asUser calls f on a thread that has another effective uid for as long.
func asUser(t *testing.T, uid uint32, f func() error) {
	t.Helper()
	before := os.Geteuid()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		err := become(int(uid))
		if err == nil {
			err = errors.Join(f(), become(before))
		}
		if err == nil {
			runtime.UnlockOSThread() // else the thread ends here
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
