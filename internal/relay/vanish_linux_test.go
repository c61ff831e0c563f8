package relay_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/socksctl/socksctl/internal/relay"
)

// quick gives a peer up soon.
var quick = relay.KeepAliveConfig{Idle: time.Second, Interval: time.Second, Count: 2, Unacked: 3 * time.Second}

// network is a veth pair between two network namespaces of its own, so that the
// network of the machine is left as it is.
type network struct{ near, far string } // the namespaces; each calls its device "veth"

// newNetwork makes one. Where that is not allowed the test is skipped, but not
// under CI, where it has to run.
func newNetwork(t *testing.T) network {
	t.Helper()
	id := fmt.Sprint(os.Getpid())
	n := network{near: "relay-near-" + id, far: "relay-far-" + id}
	t.Cleanup(func() {
		exec.Command("ip", "netns", "del", n.near).Run() // its device goes with it, and the other end with that
		exec.Command("ip", "netns", "del", n.far).Run()
	})
	for _, args := range [][]string{
		{"netns", "add", n.near},
		{"netns", "add", n.far},
		{"-n", n.near, "link", "add", "name", "veth", "type", "veth", "peer", "name", "veth", "netns", n.far},
		{"-n", n.near, "addr", "add", "10.0.0.1/30", "dev", "veth"},
		{"-n", n.far, "addr", "add", "10.0.0.2/30", "dev", "veth"},
		{"-n", n.near, "link", "set", "veth", "up"},
		{"-n", n.far, "link", "set", "veth", "up"},
	} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("ip %v: %v: %s", args, err, out)
			}
			t.Skipf("needs root and iproute2 for a network namespace: ip %v: %v: %s", args, err, out)
		}
	}
	return n
}

// set sets the far side's link "up" or "down"; down, it vanishes without a word.
func (n network) set(t *testing.T, state string) {
	t.Helper()
	if out, err := exec.Command("ip", "-n", n.far, "link", "set", "veth", state).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// pair connects the two namespaces.
func (n network) pair(t testing.TB) (far, near net.Conn) {
	t.Helper()
	var l net.Listener
	inNamespace(t, n.near, func() (err error) {
		l, err = net.Listen("tcp", "10.0.0.1:0")
		return err
	})
	defer l.Close()
	inNamespace(t, n.far, func() (err error) {
		far, err = net.DialTimeout("tcp", l.Addr().String(), 5*time.Second)
		return err
	})
	near, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close(); near.Close() })
	if err := relay.KeepAlive(near, quick); err != nil {
		t.Fatal(err)
	}
	return far, near
}

// inNamespace calls f on a thread that is in the namespace and ends after it.
func inNamespace(t testing.TB, name string, f func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		fd, err := os.Open("/run/netns/" + name)
		if err == nil {
			defer fd.Close()
			err = unix.Setns(int(fd.Fd()), unix.CLONE_NEWNET)
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

func TestTLSAndPlainVanishedPeer(t *testing.T) {
	n := newNetwork(t)
	overTLS := func(t testing.TB) (far, near net.Conn) {
		a, b := n.pair(t)
		return tlsOver(t, tls.VersionTLS13, relay.NewRaw(a), relay.NewRaw(b))
	}
	for name, pair := range map[string]pairFunc{"plain": n.pair, "TLS": overTLS} {
		for _, state := range []string{"idle", "in mid-transfer", "not reading"} {
			t.Run(name+" "+state, func(t *testing.T) {
				n.set(t, "up")
				j := join(t, pair, tcpPair)
				exchange(t, j, 64<<10)
				origin := make(chan error, 1)
				go func() { origin <- useOrigin(state, j) }()
				switch state {
				case "in mid-transfer":
					waitFor(t, "bytes to move", func() bool { return j.down.Load() > 8<<20 })
				case "not reading":
					waitStill(t, &j.down)
				}
				n.set(t, "down")
				err := j.wait(t)
				if !errors.Is(err, syscall.ETIMEDOUT) && !errors.Is(err, syscall.EHOSTUNREACH) {
					t.Errorf("got %v, want a timeout", err)
				}
				if err := <-origin; !isReset(err) {
					t.Errorf("origin sees %v, want a reset", err)
				}
			})
		}
	}
}

// useOrigin reads from the origin, or floods it with an app that reads or not,
// until that fails.
func useOrigin(state string, j *joined) error {
	if state == "idle" {
		_, err := j.origin.Read(make([]byte, 1))
		return err
	}
	if state == "in mid-transfer" {
		go io.Copy(io.Discard, j.app) // ends when the test closes the app
	}
	for block := make([]byte, 64<<10); ; {
		if _, err := j.origin.Write(block); err != nil {
			return err
		}
	}
}

// A peer that is there and does not read is waited for, for longer than the
// timeout that gives a vanished one up.
func TestTLSAndPlainPausedReaderIsWaitedFor(t *testing.T) {
	const size = 32 << 20
	config := quick
	config.Unacked = 1500 * time.Millisecond
	impatient := func(pair pairFunc) pairFunc {
		return func(t testing.TB) (far, near net.Conn) {
			t.Helper()
			far, near = pair(t)
			if err := relay.KeepAlive(near, config); err != nil {
				t.Fatal(err)
			}
			return far, near
		}
	}
	for name, pair := range map[string]pairFunc{"plain": tcpPair, "TLS": tlsPair(tls.VersionTLS13)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := join(t, impatient(pair), tcpPair)
			sent := make(chan error, 1)
			go func() { sent <- send(j.origin, 7, size) }()
			waitStill(t, &j.down)
			time.Sleep(3 * config.Unacked)
			if err := receive(j.app, 7, size); err != nil {
				t.Error(err)
			}
			if err := <-sent; err != nil {
				t.Error(err)
			}
			relay.CloseWrite(j.app)
			if err := j.wait(t); err != nil {
				t.Errorf("got %v, want nil", err)
			}
		})
	}
}
