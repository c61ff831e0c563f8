//go:build unix

package inherit_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/internal/inherit"
)

// pair returns both ends of a unix connection.
func pair(t *testing.T) (near, far *net.UnixConn) {
	t.Helper()
	l := listen(t, "unix:"+socket(t))
	accepted := make(chan net.Conn, 1)
	go func() { // ends with the dial
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	c, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	other := <-accepted
	t.Cleanup(func() {
		c.Close()
		other.Close()
	})
	return c.(*net.UnixConn), other.(*net.UnixConn)
}

// socket returns a path that is short enough.
func socket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "i")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	network := "tcp"
	if path, isUnix := strings.CutPrefix(address, "unix:"); isUnix {
		network, address = "unix", path
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// offered is what one side did.
type offered struct {
	taken []inherit.Listener
	err   error
}

// offer hands all over on c, and ends as done says.
func offer(c *net.UnixConn, done func(*inherit.Handover), all ...inherit.Listener) <-chan offered {
	result := make(chan offered, 1)
	go func() { // ends with the other side
		h := inherit.NewHandover(c)
		defer h.Close()
		taken, err := h.Offer(all)
		if err == nil {
			done(h)
		}
		result <- offered{taken, err}
	}()
	return result
}

// finish ends a handover well.
func finish(h *inherit.Handover) {
	if err := h.Done(); err != nil {
		panic(err)
	}
}

// reaches wants a connection to what l was to be accepted on by.
func reaches(t *testing.T, at net.Addr, by net.Listener) {
	t.Helper()
	c, err := net.Dial(at.Network(), at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	other, err := by.Accept()
	if err != nil {
		t.Fatal(err)
	}
	other.Close()
}

func TestHandover(t *testing.T) {
	near, far := pair(t)
	path := socket(t)
	tcp, gone, unix := listen(t, "127.0.0.1:0"), listen(t, "[::1]:0"), listen(t, "unix:"+path)
	result := offer(near, finish,
		inherit.Listener{Listener: tcp, Kind: "plain", Asked: "127.0.0.1:0"},
		inherit.Listener{Listener: gone, Kind: "plain", Asked: "[::1]:0"},
		inherit.Listener{Listener: unix, Kind: "tls", Asked: "unix:" + path},
	)
	takeover, err := inherit.Receive(far)
	if err != nil {
		t.Fatal(err)
	}
	newTCP, ok := takeover.Take("plain", "127.0.0.1:0")
	if !ok || newTCP.Addr().String() != tcp.Addr().String() || newTCP.Kind != "plain" {
		t.Fatalf("got %v, %v", newTCP, ok)
	}
	newUnix, ok := takeover.Take("tls", "unix:"+path)
	if !ok || newUnix.Addr().String() != path {
		t.Fatalf("got %v, %v", newUnix, ok)
	}
	if _, ok := takeover.Take("plain", "127.0.0.1:0"); ok {
		t.Error("a listener was taken twice")
	}
	if err := takeover.Commit(); err != nil {
		t.Fatal(err)
	}
	takeover.Close()
	got := <-result
	if got.err != nil || len(got.taken) != 2 || got.taken[0].Listener != tcp || got.taken[1].Listener != unix {
		t.Fatalf("got %v", got)
	}
	// What the old process does now leaves both in service.
	for _, l := range got.taken {
		inherit.KeepPath(l.Listener, true)
		l.Close()
	}
	reaches(t, newTCP.Addr(), newTCP)
	reaches(t, newUnix.Addr(), newUnix)
	newTCP.Close()
	newUnix.Close()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the path is left behind: %v", err)
	}
	if err := gone.Close(); err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", gone.Addr().String()); err == nil {
		c.Close()
		t.Error("what nobody took is still held open")
	}
}

// Wherever the new process leaves, the old one has all that it had.
func TestHandoverAbandoned(t *testing.T) {
	for name, leave := range map[string]func(c *net.UnixConn){
		"at once":       func(*net.UnixConn) {},
		"after one":     func(c *net.UnixConn) { fmt.Fprintln(c, `{"next":true}`); c.Read(make([]byte, 1000)) },
		"with nonsense": func(c *net.UnixConn) { fmt.Fprintln(c, `hello`) },
		"out of order":  func(c *net.UnixConn) { fmt.Fprintln(c, `{"serves":true}`) },
		"with an error": func(c *net.UnixConn) { fmt.Fprintln(c, `{"error":"no"}`) },
		"long-winded":   func(c *net.UnixConn) { fmt.Fprintln(c, strings.Repeat(" ", 9000)) },
		"with all": func(c *net.UnixConn) {
			if takeover, err := inherit.Receive(c); err == nil {
				takeover.Take("plain", "x")
				takeover.Close()
			}
		},
		"with what there is not": func(c *net.UnixConn) {
			if _, err := inherit.Receive(c); err == nil {
				fmt.Fprintln(c, `{"serves":true,"serving":[2]}`)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			near, far := pair(t)
			path := socket(t)
			tcp, unix := listen(t, "127.0.0.1:0"), listen(t, "unix:"+path)
			result := offer(near, func(*inherit.Handover) { t.Error("it was handed over") },
				inherit.Listener{Listener: tcp, Kind: "plain", Asked: "x"}, inherit.Listener{Listener: unix, Kind: "plain", Asked: "y"})
			leave(far)
			far.Close()
			if got := <-result; got.err == nil {
				t.Error("got no error")
			}
			reaches(t, tcp.Addr(), tcp)
			reaches(t, unix.Addr(), unix)
		})
	}
}

// Whatever the old process says last, the new one knows what to do.
func TestCommitAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(*inherit.Handover)
		want   func(error) bool
	}{
		"done":    {finish, func(err error) bool { return err == nil }},
		"gone":    {func(*inherit.Handover) {}, func(err error) bool { return errors.Is(err, inherit.ErrUnconfirmed) }},
		"refused": {func(h *inherit.Handover) { h.Refuse(errors.New("too late")) }, func(err error) bool { return err.Error() == "too late" }},
	} {
		near, far := pair(t)
		path := socket(t)
		l := listen(t, "unix:"+path)
		result := offer(near, c.answer, inherit.Listener{Listener: l, Kind: "plain", Asked: "unix:" + path})
		takeover, err := inherit.Receive(far)
		if err != nil {
			t.Fatal(err)
		}
		taken, _ := takeover.Take("plain", "unix:"+path)
		if err := takeover.Commit(); !c.want(err) {
			t.Errorf("%s: got %v", name, err)
		}
		takeover.Close()
		<-result
		taken.Close()
		if _, err := os.Stat(path); (err == nil) != (name == "refused") {
			t.Errorf("%s: after the new process closed its listener: %v", name, err)
		}
	}
}

// A process that sends what nobody asked for leaves no descriptors behind.
func TestReceiveNonsense(t *testing.T) {
	for name, say := range map[string]string{
		"the end": "", "no JSON": "{\n", "no kind": "{}\n", "no descriptor": `{"kind":"plain"}` + "\n",
		"an error": `{"error":"I will not"}` + "\n", "no end": strings.Repeat("x", 20000),
	} {
		near, far := pair(t)
		go func() { // ends with the connection
			near.Read(make([]byte, 1000))
			io.WriteString(near, say)
			near.Close()
		}()
		if _, err := inherit.Receive(far); err == nil || name == "an error" && err.Error() != "I will not" {
			t.Errorf("%s: got %v", name, err)
		}
		if _, err := far.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: the connection is left open: %v", name, err)
		}
	}
}

func TestPeer(t *testing.T) {
	near, far := pair(t)
	for _, c := range []*net.UnixConn{near, far} {
		uid, _, err := inherit.Peer(c)
		if err != nil || uid != os.Geteuid() {
			t.Errorf("got user %d, %v, want %d", uid, err, os.Geteuid())
		}
	}
}
