//go:build linux

package realtest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/proxytest"
)

// few is a RLIMIT_NOFILE that is used up by the clients of these tests, were it
// not for the limits of the server: it has a dozen before the first comes.
const few = 64

// exhausted is what a log says when descriptors have run out.
const exhausted = "too many open files"

// cramped starts socksctl with so many descriptors.
func cramped(t *testing.T, descriptors int, args ...string) *process {
	t.Helper()
	limit := fmt.Sprintf(`ulimit -n %d; exec "$0" "$@"`, descriptors)
	return startCommand(t, command("/bin/sh", append([]string{"-c", limit, socksctl(t)}, args...)...))
}

// crampedWay is how a test comes to a process that has few descriptors.
type crampedWay struct {
	*process               // the one that clients come to
	client.Dialer          // as alice
	far           *process // behind it, if there is one
}

// crampedWays runs f for a plain listener, one with TLS, one that wants
// certificates, and for a forwarder, whose server has few descriptors as well.
func crampedWays(t *testing.T, descriptors int, f func(t *testing.T, w *crampedWay)) {
	hash, err := bcrypt.GenerateFromPassword([]byte("correct horse"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	users := writeFile(t, filepath.Join(t.TempDir(), "users"), "alice:"+string(hash)+"\n")
	keys := certificates(t)
	secure := []string{"--tls-cert", keys.file("server.crt"), "--tls-key", keys.file("server.key")}
	for name, args := range map[string][]string{
		"plain":     {"serve", "--listen", "127.0.0.1:0", "--users", users},
		"TLS":       append([]string{"serve", "--tls-listen", "127.0.0.1:0", "--users", users}, secure...),
		"MutualTLS": append([]string{"serve", "--tls-listen", "127.0.0.1:0", "--users", users, "--client-ca", keys.file("ca.crt")}, secure...),
		"forwarder": {"forward", "--local", "127.0.0.1:0", "--users", users},
	} {
		t.Run(name, func(t *testing.T) {
			w := new(crampedWay)
			if name == "forwarder" {
				w.far = cramped(t, descriptors, append([]string{"serve", "--tls-listen", "127.0.0.1:0", "--client-ca", keys.file("ca.crt")}, secure...)...)
				s := server{tls: w.far.await(t, listening, 1)[0][1]}
				args = append(append(args, "--server", s.url()), keys.client()...)
			}
			w.process = cramped(t, descriptors, args...)
			w.Dialer = client.Dialer{Address: w.await(t, listening, 1)[0][1], User: "alice", Password: "correct horse", Timeout: startLimit}
			if name == "TLS" || name == "MutualTLS" {
				source, err := certs.NewClient(certs.ClientConfig{CAFile: keys.file("ca.crt"), CertFile: keys.file("alice.crt"), KeyFile: keys.file("alice.key")})
				if err != nil {
					t.Fatal(err)
				}
				w.TLS, w.UDP = source.TLSConfig("localhost"), client.UDPPlain
			}
			f(t, w)
		})
	}
}

// tunnel opens a tunnel to an echo, and uses it.
func (w *crampedWay) tunnel(t *testing.T, to string) net.Conn {
	t.Helper()
	c, err := w.DialContext(t.Context(), "tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	echoAll(t, []net.Conn{c}, 1)
	return c
}

// tunnelSoon is tunnel for when places are about to be free.
func (w *crampedWay) tunnelSoon(t *testing.T, to string) net.Conn {
	t.Helper()
	for end := time.Now().Add(startLimit); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if c, err := w.DialContext(t.Context(), "tcp", to); err == nil {
			c.Close()
			break
		}
	}
	return w.tunnel(t, to)
}

// echo sends n bytes through c and wants them back.
func echo(c net.Conn, n int) error {
	c.SetDeadline(time.Now().Add(runLimit))
	sent := bytes.Repeat([]byte{'x'}, n)
	written := make(chan error, 1)
	go func() { // ends when all is written, or c fails
		_, err := c.Write(sent)
		written <- err
	}()
	got := make([]byte, n)
	m, err := io.ReadFull(c, got)
	if err = errors.Join(err, <-written); err != nil || !bytes.Equal(got, sent) {
		return fmt.Errorf("echo of %d bytes: %d are back: %w", n, m, err)
	}
	return nil
}

// notExhausted wants no descriptor to have been missing.
func (w *crampedWay) notExhausted(t *testing.T) {
	t.Helper()
	for _, p := range []*process{w.process, w.far} {
		if p != nil && strings.Contains(p.said.String(), exhausted) {
			t.Errorf("%s ran out of descriptors", p.cmd.Args[4])
		}
	}
}

// A flood of silent clients costs nobody a session, and keeps nobody out, while
// it lasts or after.
func TestDescriptorsFloodTLS(t *testing.T) {
	crampedWays(t, few, func(t *testing.T, w *crampedWay) {
		origin := proxytest.Echo(t)
		tunnels := w.tunnels(t, 4, origin)
		flood := make([]net.Conn, 500)
		for i := range flood {
			c, err := net.Dial("tcp", w.Address)
			if err != nil {
				t.Fatal(err)
			}
			flood[i] = c
			t.Cleanup(func() { c.Close() })
		}
		echoAll(t, tunnels, 1<<16)
		tunnels = append(tunnels, w.tunnel(t, origin))
		for _, c := range flood {
			c.Close()
		}
		tunnels = append(tunnels, w.tunnelSoon(t, origin))
		echoAll(t, tunnels, 1<<16)
		w.notExhausted(t)
	})
}

// Tunnels that have moved much at once, and rest, leave room for what comes.
func TestDescriptorsRestTLS(t *testing.T) {
	crampedWays(t, few, func(t *testing.T, w *crampedWay) {
		origin := proxytest.Echo(t)
		tunnels := w.tunnels(t, 10, origin)
		echoAll(t, tunnels, 8<<20)
		for _, c := range tunnels[5:] {
			c.Close()
		}
		w.tunnelSoon(t, origin)
		associations := w.associations(t)
		echoAll(t, tunnels[:5], 1<<16)
		w.notExhausted(t)
		for _, c := range associations {
			c.Close()
		}
		echoAll(t, []net.Conn{w.tunnelSoon(t, origin)}, 1<<20)
	})
}

// An association has three descriptors: when there are too many, the next is
// refused and nobody else is harmed.
func TestDescriptorsUDPAndBINDTLS(t *testing.T) {
	for _, descriptors := range []int{few, 4 * few} {
		crampedWays(t, descriptors, func(t *testing.T, w *crampedWay) {
			origin := proxytest.Echo(t)
			tunnels := w.tunnels(t, 2, origin)
			associations := w.associations(t)
			echoAll(t, tunnels, 1<<16)
			w.notExhausted(t)
			for _, c := range associations {
				c.Close()
			}
			tunnels = append(tunnels, w.tunnelSoon(t, origin))
			listeners := w.listeners(t)
			echoAll(t, tunnels, 1<<16)
			w.notExhausted(t)
			for _, l := range listeners {
				l.Close()
			}
			w.tunnelSoon(t, origin)
			echoAll(t, tunnels, 1<<16)
			w.notExhausted(t)
		})
	}
}

// associations opens associations until one is refused.
func (w *crampedWay) associations(t *testing.T) (all []net.PacketConn) {
	t.Helper()
	for range 4 * few {
		pc, err := w.ListenPacket(t.Context(), "udp", "")
		if err != nil {
			t.Logf("%d associations, then: %v", len(all), err)
			return all
		}
		t.Cleanup(func() { pc.Close() })
		all = append(all, pc)
	}
	t.Fatalf("%d associations and no end", len(all))
	return nil
}

// listeners opens BIND listeners until one is refused.
func (w *crampedWay) listeners(t *testing.T) (all []net.Listener) {
	t.Helper()
	for range 4 * few {
		l, err := w.Listen(t.Context(), "tcp", "0.0.0.0:0")
		if err != nil {
			t.Logf("%d BIND listeners, then: %v", len(all), err)
			return all
		}
		t.Cleanup(func() { l.Close() })
		all = append(all, l)
	}
	t.Fatalf("%d BIND listeners and no end", len(all))
	return nil
}

func (w *crampedWay) tunnels(t *testing.T, n int, to string) (all []net.Conn) {
	t.Helper()
	for range n {
		all = append(all, w.tunnel(t, to))
	}
	return all
}

// echoAll is echo through all of conns at once.
func echoAll(t *testing.T, conns []net.Conn, n int) {
	t.Helper()
	var all sync.WaitGroup
	for _, c := range conns {
		all.Go(func() {
			if err := echo(c, n); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
