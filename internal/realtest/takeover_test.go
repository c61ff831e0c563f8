//go:build linux

package realtest_test

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/inherit"
)

// lineage is a service whose processes take over from each other.
type lineage struct {
	args []string // but for --takeover
	dir  string   // of its sockets, short enough for their names
	now  *process
}

// begin starts the first process, which finds nobody to take over from.
func begin(t *testing.T, args ...string) *lineage {
	t.Helper()
	dir, err := os.MkdirTemp("", "t")
	if err != nil {
		t.Fatal(err)
	}
	l := &lineage{dir: dir}
	for _, arg := range args {
		l.args = append(l.args, strings.ReplaceAll(arg, "DIR", dir))
	}
	l.args = append(l.args, "--admin", "unix:"+l.file("admin"))
	l.now = start(t, append(l.args, "--takeover")...)
	l.now.await(t, regexpOf(`level=INFO msg="nobody to take over from"`), 1)
	l.now.await(t, regexpOf("msg=admin address="), 1)
	return l
}

func (l *lineage) file(name string) string { return filepath.Join(l.dir, name) }

// replace has a new process take over, with other arguments too, and returns the
// old one, which drains.
func (l *lineage) replace(t *testing.T, args ...string) (old *process) {
	t.Helper()
	old = l.now
	l.now = start(t, append(append([]string{l.args[0], "--takeover"}, args...), l.args[1:]...)...)
	old.await(t, regexpOf(`msg="taken over" listeners=\d+\n`), 1)
	old.await(t, regexpOf(`msg=draining why=takeover`), 1)
	return old
}

// ended waits for the end of a process that has drained.
func (p *process) ended(t *testing.T) {
	t.Helper()
	select {
	case <-p.exited:
	case <-time.After(liveLimit):
		t.Fatalf("%s still runs", p.cmd.Args[1])
	}
	if p.err != nil {
		t.Errorf("%s ended with %v\n%s", p.cmd.Args[1], p.err, p.said)
	}
}

// addresses returns where a process serves.
func (p *process) addresses(t *testing.T, n int) (all []string) {
	t.Helper()
	for _, line := range p.await(t, listening, n) {
		all = append(all, line[1])
	}
	return all
}

// load opens connections until stopped, and tells how many there were.
type load struct {
	running sync.WaitGroup
	done    atomic.Bool
	came    atomic.Int64
}

func newLoad(t *testing.T, to echoes, dialers ...*client.Dialer) *load {
	l := new(load)
	for _, d := range dialers {
		l.running.Go(func() { // ends when done is set
			for ; !l.done.Load(); l.came.Add(1) {
				if err := reach(d, to); err != nil {
					t.Errorf("a new connection to %s: %v", d, err)
				}
			}
		})
	}
	return l
}

func (l *load) stop(t *testing.T) {
	l.done.Store(true)
	l.running.Wait()
	t.Logf("%d connections came and went", l.came.Load())
}

// Twenty processes after each other take over under load, each at another moment
// of many connections: all new ones succeed, and every session lives until it ends
// by itself; the processes end with the last.
func TestTakeoverUnderLoad(t *testing.T) {
	const restarts = 20
	to, keys := newEchoes(t), certificates(t)
	l := begin(t, "serve", "--listen", "127.0.0.1:0", "--listen", "unix:DIR/plain", "--tls-listen", "127.0.0.1:0", "--drain-timeout", "10m",
		"--history", "sqlite://DIR/history.db", "--tls-cert", keys.file("server.crt"), "--tls-key", keys.file("server.key"), "--client-ca", keys.file("ca.crt"))
	at := l.now.addresses(t, 3)
	source, err := certs.NewClient(certs.ClientConfig{CAFile: keys.file("ca.crt"), CertFile: keys.file("alice.crt"), KeyFile: keys.file("alice.key")})
	if err != nil {
		t.Fatal(err)
	}
	plain, secure := &client.Dialer{Address: at[0]}, &client.Dialer{Address: at[2], TLS: source.TLSConfig("localhost")}
	path := &client.Dialer{Network: "unix", Address: l.file("plain")}
	pressure := newLoad(t, to, plain, plain, secure, secure, path)
	var steady []live
	var drain []*process
	for range restarts {
		steady = append(append(steady, sessions(t, plain, to)...), sessions(t, secure, to)...)
		drain = append(drain, l.replace(t))
		if got := l.now.addresses(t, 3); got[0] != at[0] || got[1] != at[1] || got[2] != at[2] {
			t.Fatalf("serves at %q, want %q", got, at)
		}
	}
	pressure.stop(t)
	for _, s := range steady {
		if err := s.alive(); err != nil {
			t.Errorf("%s, of a process that drains: %v", s.what, err)
		}
		s.close()
	}
	for _, old := range drain {
		old.ended(t)
		for line := range strings.Lines(old.said.String()) {
			if strings.Contains(line, "level=ERROR") || strings.Contains(line, "still open") {
				t.Error(line)
			}
		}
	}
	l.now.stop(t)
	for status, want := range map[string]int{"closed": int(pressure.came.Load()) + len(steady), "interrupted": 0, "refused": 0} {
		out := mustRun(t, command(socksctl(t), "sessions", "history", "--history", "sqlite://"+l.file("history.db"), "--status", status, "--json", "--limit", "1000000"))
		if got := strings.Count(out, "\n"); got != want {
			t.Errorf("%d sessions are written down as %s, want %d", got, status, want)
		}
	}
	for _, name := range []string{"plain", "admin"} {
		if _, err := os.Stat(l.file(name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left behind: %v", name, err)
		}
	}
}

// Forwarders do the same, also where one address stands for two listeners.
func TestTakeoverForwarder(t *testing.T) {
	to := newEchoes(t)
	far := start(t, "serve", "--listen", "127.0.0.1:0")
	l := begin(t, "forward", "--local", ":0", "--drain-timeout", "10m", "--server", "socks5://"+far.addresses(t, 1)[0])
	at := l.now.addresses(t, 1)
	d := &client.Dialer{Address: at[0]}
	pressure := newLoad(t, to, d, d)
	for range 3 {
		steady := sessions(t, d, to)
		old := l.replace(t)
		if got := l.now.addresses(t, 1); got[0] != at[0] {
			t.Errorf("serves at %q, want %q", got, at)
		}
		for _, s := range steady {
			if err := s.alive(); err != nil {
				t.Errorf("%s: %v", s.what, err)
			}
			s.close()
		}
		old.ended(t)
	}
	pressure.stop(t)
}

// What the new configuration does not name is closed, and what is new is opened.
func TestTakeoverOfOtherAddresses(t *testing.T) {
	to := newEchoes(t)
	l := begin(t, "serve", "--listen", "127.0.0.1:0")
	first := l.now.addresses(t, 1)[0]
	l.args = []string{"serve", "--listen", first, "--listen", "127.0.0.2:0", "--listen", "unix:" + l.file("s"), "--admin", "unix:" + l.file("admin")}
	l.replace(t).ended(t)
	at := l.now.addresses(t, 3)
	if at[0] != first {
		t.Errorf("got %s, want %s", at[0], first)
	}
	for _, address := range at[:2] {
		if err := reach(&client.Dialer{Address: address}, to); err != nil {
			t.Error(err)
		}
	}
	l.args = []string{"serve", "--listen", at[1], "--admin", "unix:" + l.file("admin")}
	l.replace(t).ended(t)
	if err := reach(&client.Dialer{Address: at[1]}, to); err != nil {
		t.Error(err)
	}
	if err := reach(&client.Dialer{Address: first}, to); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("an address that is gone: got %v, want ECONNREFUSED", err)
	}
	if _, err := os.Stat(l.file("s")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a path that is gone: %v", err)
	}
}

// A process that cannot serve, at whatever moment it finds out, leaves the other
// one serving.
func TestTakeoverFails(t *testing.T) {
	to, keys := newEchoes(t), certificates(t)
	l := begin(t, "serve", "--listen", "127.0.0.1:0", "--listen", "unix:DIR/plain")
	at := l.now.addresses(t, 2)
	admin := []string{"serve", "--takeover", "--admin", "unix:" + l.file("admin")}
	for name, c := range map[string]struct {
		args   []string
		status int
		says   string
	}{
		"no such file":   {[]string{"--listen", at[0], "--users", "missing"}, 3, "missing"},
		"a taken port":   {[]string{"--listen", at[0], "--listen", at[1], "--listen", to.tcp}, 1, "address already in use"},
		"an open proxy":  {[]string{"--listen", at[0], "--listen", "0.0.0.0:0"}, 3, "open proxy"},
		"bad rules":      {[]string{"--listen", at[0], "--acl", keys.file("ca.crt")}, 3, "ca.crt"},
		"no certificate": {[]string{"--tls-listen", at[0]}, 3, "certificate"},
	} {
		r := run(t, command(socksctl(t), append(admin, c.args...)...))
		if got := exitStatus(r.err); got != c.status || !strings.Contains(r.stderr, c.says) {
			t.Errorf("%s: got status %d, %q, want %d, %q", name, got, r.stderr, c.status, c.says)
		}
	}
	l.now.await(t, regexpOf(`level=WARN msg="not taken over: serving on"`), 5)
	for _, d := range []*client.Dialer{{Address: at[0]}, {Network: "unix", Address: l.file("plain")}} {
		if err := reach(d, to); err != nil {
			t.Errorf("%s: %v", d, err)
		}
	}
	l.replace(t).ended(t) // and it still can
	l.now.addresses(t, 2)
}

// A process that is killed while it takes over is as one that never came.
func TestTakeoverKilled(t *testing.T) {
	to := newEchoes(t)
	l := begin(t, "serve", "--listen", "127.0.0.1:0")
	at := l.now.addresses(t, 1)[0]
	pipe := l.file("users")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	second := command(socksctl(t), "serve", "--takeover", "--listen", at, "--users", pipe, "--admin", "unix:"+l.file("admin"))
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	w, err := os.OpenFile(pipe, os.O_WRONLY, 0) // once it reads its users, that is, and has the listeners
	if err != nil {
		t.Fatal(err)
	}
	third := run(t, command(socksctl(t), "serve", "--takeover", "--listen", at, "--admin", "unix:"+l.file("admin")))
	if got := exitStatus(third.err); got != 1 || !strings.Contains(third.stderr, "another process is taking over") {
		t.Errorf("two at once: got status %d, %q", got, third.stderr)
	}
	second.Process.Kill()
	second.Wait()
	w.Close()
	l.now.await(t, regexpOf(`level=WARN msg="not taken over: serving on"`), 1)
	if err := reach(&client.Dialer{Address: at}, to); err != nil {
		t.Error(err)
	}
	l.replace(t, "--listen", at).ended(t)
}

// Not even root gets the listeners of another user.
func TestTakeoverByAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("this is not root")
	}
	dir := runtimeDir(t)
	p := startCommand(t, unprivileged(t, dir, "serve", "--listen", "127.0.0.1:0"))
	at := p.addresses(t, 1)[0]
	p.await(t, regexpOf("msg=admin address="), 1)
	socket := filepath.Join(dir, "socksctl", "serve.sock")
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "POST /api/v1/takeover HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: "+inherit.Protocol+"\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusForbidden || !strings.Contains(string(text), "of the same user only") {
		t.Errorf("got %s, %s, want 403", response.Status, text)
	}
	r := run(t, command(socksctl(t), "serve", "--takeover", "--listen", at, "--admin", "unix:"+socket))
	if got := exitStatus(r.err); got != 1 || !strings.Contains(r.stderr, "another user's (65534)") {
		t.Errorf("got status %d, %q", got, r.stderr)
	}
}
