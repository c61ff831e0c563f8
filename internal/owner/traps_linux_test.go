package owner_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/socksctl/socksctl/internal/owner"
)

// option is a Dialer.Control that calls set.
func option(set func(fd int) error) func(string, string, syscall.RawConn) error {
	return func(_, _ string, raw syscall.RawConn) (err error) {
		return errors.Join(raw.Control(func(fd uintptr) { err = set(int(fd)) }), err)
	}
}

func TestClosedClientHasNoOwner(t *testing.T) {
	for name, hangUp := range map[string]func(*net.TCPConn) error{
		"in order": (*net.TCPConn).Close,
		"by reset": func(c *net.TCPConn) error { return errors.Join(c.SetLinger(0), c.Close()) },
	} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, "tcp", "127.0.0.1:0")
			from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 9, 8, 7)}} // no device has it
			client, accepted := connect(t, own(), from, l, l.Addr().String())
			if err := hangUp(client.(*net.TCPConn)); err != nil {
				t.Fatal(err)
			}
			expectNobody(t, accepted)
		})
	}
}

// The port of a client that has gone may be another user's by the time that the
// connection is accepted, and what the first one wrote is still to be read.
func TestPortThatChangedHands(t *testing.T) {
	needsRoot(t)
	l := listen(t, "tcp", "127.0.0.1:0")
	var first net.Conn
	asUser(t, stranger, func() (err error) {
		if first, err = reuse(nil).Dial("tcp", l.Addr().String()); err != nil {
			return err
		}
		_, err = first.Write([]byte("what was written before"))
		return err
	})
	first.(*net.TCPConn).SetLinger(0)
	first.Close()
	second, err := reuse(first.LocalAddr()).Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()

	dead, alive := accept(t, l), accept(t, l)
	if dead.RemoteAddr().String() != alive.RemoteAddr().String() {
		t.Fatalf("the clients are %s and %s, want one address", dead.RemoteAddr(), alive.RemoteAddr())
	}
	expectNobody(t, dead)
	expect(t, alive, own())
	if n, err := dead.Read(make([]byte, 100)); n == 0 {
		t.Errorf("nothing is left to be read (%v): this tests nothing", err)
	}
}

// What cannot be asked about is not let in.
func TestNoSocket(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	expectNobody(t, near)

	l := listen(t, "tcp", "127.0.0.1:0")
	_, accepted := connect(t, own(), nil, l, l.Addr().String())
	accepted.Close()
	expectNobody(t, accepted)
}

// A socket that is bound to a device is seen by those who ask for that device.
func TestClientBoundToLoopback(t *testing.T) {
	users(t, func(t *testing.T, uid uint32) {
		l := listen(t, "tcp", "127.0.0.1:0")
		_, accepted := connect(t, uid, boundTo("lo"), l, l.Addr().String())
		expect(t, accepted, uid)
	})
}

// boundTo dials from a device; none for "".
func boundTo(device string) *net.Dialer {
	if device == "" {
		return new(net.Dialer)
	}
	return &net.Dialer{Control: option(func(fd int) error { return unix.BindToDevice(fd, device) })}
}

// network is two network namespaces with a veth pair between them.
type network struct{ near, far string }

func newNetwork(t *testing.T) network {
	t.Helper()
	needsRoot(t)
	id := strconv.Itoa(os.Getpid())
	n := network{near: "owner-near-" + id, far: "owner-far-" + id}
	t.Cleanup(func() {
		exec.Command("ip", "netns", "del", n.near).Run()
		exec.Command("ip", "netns", "del", n.far).Run()
	})
	for _, args := range [][]string{
		{"netns", "add", n.near},
		{"netns", "add", n.far},
		{"-n", n.near, "link", "set", "lo", "up"},
		{"-n", n.near, "link", "add", "name", "veth", "type", "veth", "peer", "name", "veth", "netns", n.far},
		{"-n", n.near, "addr", "add", "10.0.0.1/30", "dev", "veth"},
		{"-n", n.near, "addr", "add", "fd00::1/64", "dev", "veth", "nodad"},
		{"-n", n.far, "addr", "add", "10.0.0.2/30", "dev", "veth"},
		{"-n", n.far, "addr", "add", "fd00::2/64", "dev", "veth", "nodad"},
		{"-n", n.near, "link", "set", "veth", "addrgenmode", "none", "up"},
		{"-n", n.far, "link", "set", "veth", "addrgenmode", "none", "up"},
		{"-n", n.near, "addr", "add", "fe80::1/64", "dev", "veth", "nodad"},
	} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v: %s", args, err, out)
		}
	}
	return n
}

// in calls f as uid on a thread that is in a namespace and ends after it.
func in(t *testing.T, namespace string, uid uint32, f func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		fd, err := os.Open("/run/netns/" + namespace)
		if err == nil {
			defer fd.Close()
			err = unix.Setns(int(fd.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			err = become(int(uid))
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// On an address beyond loopback a client of this host is known by its socket or,
// where it has hidden that, by its address; and one of another host or namespace
// is let be.
func TestClientsOfANetwork(t *testing.T) {
	n := newNetwork(t)
	for name, c := range map[string]struct {
		from    string // namespace
		uid     uint32
		device  string
		address string
		let     bool
		found   bool
	}{
		"same user":                 {n.near, own(), "", "10.0.0.1", true, true},
		"same user, IPv6":           {n.near, own(), "", "fd00::1", true, true},
		"same user, link-local":     {n.near, own(), "", "fe80::1%veth", true, true},
		"another user":              {n.near, stranger, "", "10.0.0.1", false, true},
		"another user, IPv6":        {n.near, stranger, "", "fd00::1", false, true},
		"another user, link-local":  {n.near, stranger, "", "fe80::1%veth", false, true},
		"another user, loopback":    {n.near, stranger, "", "127.0.0.1", false, true},
		"bound to a device":         {n.near, stranger, "veth", "10.0.0.1", false, false},
		"bound to a device, IPv6":   {n.near, stranger, "veth", "fd00::1", false, false},
		"another namespace":         {n.far, stranger, "", "10.0.0.1", true, false},
		"another namespace, IPv6":   {n.far, own(), "", "fd00::1", true, false},
		"another namespace, device": {n.far, stranger, "veth", "10.0.0.1", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			var l net.Listener
			in(t, n.near, own(), func() (err error) {
				l, err = net.Listen("tcp", "[::]:0")
				return err
			})
			defer l.Close()
			var client net.Conn
			in(t, c.from, c.uid, func() (err error) {
				client, err = boundTo(c.device).Dial("tcp", atPort(l, c.address))
				return err
			})
			defer client.Close()
			accepted, g := accept(t, l), gate(t)
			in(t, n.near, own(), func() error {
				uid, err := owner.Of(accepted)
				if c.found && (err != nil || uid != c.uid) || !c.found && !errors.Is(err, owner.ErrElsewhere) {
					t.Errorf("got uid %d and error %v", uid, err)
				}
				if err := g.Admit(accepted); (err == nil) != c.let {
					t.Errorf("got %v, want let in: %t", err, c.let)
				}
				return nil
			})
		})
	}
}
