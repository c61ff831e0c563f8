package owner_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/socksctl/socksctl/internal/owner"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stranger is the uid of no user in particular.
const stranger = 40_001

// own is the uid of the test.
func own() uint32 { return uint32(os.Geteuid()) }

// become gives the thread another effective uid.
func become(uid int) error {
	keep := ^uintptr(0)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, keep, uintptr(uid), keep); errno != 0 {
		return errno
	}
	return nil
}

// asUser calls f on a thread that has another effective uid for as long.
func asUser(t testing.TB, uid uint32, f func() error) {
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

// needsRoot skips a test that makes sockets of another user, but not under CI.
func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("needs root to be another user")
	}
	t.Skip("needs root to be another user")
}

func listen(t testing.TB, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// connect dials l at address by d, which may be nil, and returns both ends.
func connect(t testing.TB, uid uint32, d *net.Dialer, l net.Listener, address string) (client, accepted net.Conn) {
	t.Helper()
	if d == nil {
		d = new(net.Dialer)
	}
	dial := func() (err error) {
		client, err = d.DialContext(context.Background(), l.Addr().Network(), address)
		return err
	}
	if uid == own() {
		if err := dial(); err != nil {
			t.Fatal(err)
		}
	} else {
		asUser(t, uid, dial)
	}
	t.Cleanup(func() { client.Close() })
	return client, accept(t, l)
}

func accept(t testing.TB, l net.Listener) net.Conn {
	t.Helper()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// atPort returns host with the port of l.
func atPort(l net.Listener, host string) string {
	return net.JoinHostPort(host, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
}

// expect holds what Of and a Gate say of an accepted conn.
func expect(t *testing.T, c net.Conn, uid uint32) {
	t.Helper()
	got, err := owner.Of(c)
	if err != nil || got != uid {
		t.Errorf("got uid %d and error %v, want uid %d", got, err, uid)
	}
	err = gate(t).Admit(c)
	switch {
	case uid == own() && err != nil:
		t.Errorf("own user: %v", err)
	case uid != own() && (err == nil || !strings.Contains(err.Error(), "uid "+strconv.Itoa(int(uid)))):
		t.Errorf("uid %d: got %v, want an error with that uid", uid, err)
	}
}

// expectNobody wants Admit to refuse a client whose owner cannot be told.
func expectNobody(t *testing.T, c net.Conn) {
	t.Helper()
	if uid, err := owner.Of(c); err == nil {
		t.Errorf("got uid %d, want an error", uid)
	}
	if err := gate(t).Admit(c); err == nil {
		t.Error("was let in")
	}
}

func gate(t *testing.T) *owner.Gate {
	t.Helper()
	g, err := owner.NewGate()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// wrapped hides a conn behind NetConn, twice.
type wrapped struct{ net.Conn }

func (w wrapped) NetConn() net.Conn { return wrapper(w) }

type wrapper struct{ net.Conn }

func (w wrapper) NetConn() net.Conn { return w.Conn }

func (wrapper) RemoteAddr() net.Addr { return nil } // is not what counts

// users are the uids that a test is for: its own, and with root another's.
func users(t *testing.T, f func(t *testing.T, uid uint32)) {
	t.Run("same user", func(t *testing.T) { f(t, own()) })
	t.Run("another user", func(t *testing.T) {
		needsRoot(t)
		f(t, stranger)
	})
}

func TestOwnerOfTCP(t *testing.T) {
	for name, c := range map[string]struct{ network, listen, dial string }{
		"IPv4":            {"tcp4", "127.0.0.1:0", "127.0.0.1"},
		"another IPv4":    {"tcp4", "0.0.0.0:0", "127.9.8.7"},
		"IPv6":            {"tcp6", "[::1]:0", "::1"},
		"all, by IPv4":    {"tcp", "[::]:0", "127.0.0.1"},
		"all, by IPv6":    {"tcp", "[::]:0", "::1"},
		"mapped":          {"tcp", "[::]:0", "::ffff:127.0.0.1"},
		"unspecified":     {"tcp", "[::]:0", "0.0.0.0"},
		"IPv4 by no name": {"tcp4", "0.0.0.0:0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			users(t, func(t *testing.T, uid uint32) {
				l := listen(t, c.network, c.listen)
				_, accepted := connect(t, uid, nil, l, atPort(l, c.dial))
				expect(t, accepted, uid)
				expect(t, wrapped{accepted}, uid)
			})
		})
	}
}

func TestOwnerOfUnixSocket(t *testing.T) {
	users(t, func(t *testing.T, uid uint32) {
		dir, err := os.MkdirTemp("", "owner-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		path := filepath.Join(dir, "s")
		l := listen(t, "unix", path)
		if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(path, 0o777)); err != nil {
			t.Fatal(err)
		}
		client, accepted := connect(t, uid, nil, l, path)
		expect(t, accepted, uid)
		expect(t, wrapped{accepted}, uid)
		client.Close() // who connected stays known
		expect(t, accepted, uid)
	})
}

// A socket for IPv6 that is connected to an IPv4 address has that address in the
// form of IPv6.
func TestOwnerOfIPv6SocketWithIPv4(t *testing.T) {
	users(t, func(t *testing.T, uid uint32) {
		l := listen(t, "tcp4", "127.0.0.1:0")
		var fd int
		asUser(t, uid, func() (err error) {
			fd, err = unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			return err
		})
		defer unix.Close(fd)
		to := &unix.SockaddrInet6{Port: l.Addr().(*net.TCPAddr).Port, Addr: [16]byte{10: 0xff, 11: 0xff, 12: 127, 15: 1}}
		if err := unix.Connect(fd, to); err != nil {
			t.Fatal(err)
		}
		expect(t, accept(t, l), uid)
	})
}

func TestOwnerOfMultipathTCP(t *testing.T) {
	on, err := os.ReadFile("/proc/sys/net/mptcp/enabled")
	if err != nil || strings.TrimSpace(string(on)) != "1" {
		t.Skip("this kernel has no multipath TCP")
	}
	users(t, func(t *testing.T, uid uint32) {
		l := listen(t, "tcp", "127.0.0.1:0")
		d := new(net.Dialer)
		d.SetMultipathTCP(true)
		_, accepted := connect(t, uid, d, l, l.Addr().String())
		if used, err := accepted.(*net.TCPConn).MultipathTCP(); !used || err != nil {
			t.Errorf("multipath TCP: got %t and %v", used, err)
		}
		expect(t, accepted, uid)
	})
}

func TestOwnerOfHalfClosedClient(t *testing.T) {
	users(t, func(t *testing.T, uid uint32) {
		l := listen(t, "tcp", "127.0.0.1:0")
		client, accepted := connect(t, uid, nil, l, l.Addr().String())
		client.(*net.TCPConn).CloseWrite()
		expect(t, accepted, uid)
	})
}

// Sockets of two users may have the same local port, if both allow it.
func TestOwnerOfSharedPort(t *testing.T) {
	needsRoot(t)
	first, second := listen(t, "tcp", "127.0.0.1:0"), listen(t, "tcp", "127.0.0.1:0")
	client, a := connect(t, own(), reuse(nil), first, first.Addr().String())
	_, b := connect(t, stranger, reuse(client.LocalAddr()), second, second.Addr().String())
	if a.RemoteAddr().String() != b.RemoteAddr().String() {
		t.Fatalf("the clients are %s and %s, want one address", a.RemoteAddr(), b.RemoteAddr())
	}
	expect(t, a, own())
	expect(t, b, stranger)
}

// reuse dials from an address that others may have too. Nil: any.
func reuse(from net.Addr) *net.Dialer {
	if from == nil {
		from = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}
	}
	return &net.Dialer{LocalAddr: from, Control: option(func(fd int) error {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	})}
}
