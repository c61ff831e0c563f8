package audit_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/audit"
	"github.com/socksctl/socksctl/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 5 * time.Second

// password lets in who knows it.
type password struct{}

func (password) Method(*server.Session) byte { return 2 }

func (password) Authenticate(_ context.Context, _ *server.Session, l server.Login) (server.Identity, error) {
	if l.Password != "secret" {
		return server.Identity{}, server.ErrLogin
	}
	return server.Identity{User: l.Name, Method: "password"}, nil
}

// serve runs a server that keeps l, and returns how users reach it.
func serve(t *testing.T, l *audit.Log) (s *server.Server, as func(user, password string) *client.Dialer) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s = &server.Server{Auth: []server.Authenticator{password{}}, Observer: l, Admit: l.Admit, Node: "here"}
	s.Policy = server.PolicyFunc(func(_ context.Context, _ *server.Session, t server.Target) error {
		if t.Host == "denied.test" {
			return errors.New("no")
		}
		return nil
	})
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; !errors.Is(err, server.ErrServerClosed) {
			t.Error(err)
		}
	})
	return s, func(user, password string) *client.Dialer {
		return &client.Dialer{Address: listener.Addr().String(), User: user, Password: password}
	}
}

func origin(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() { // ends with l
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(c, c); c.Close() }() // ends with c
		}
	}()
	return l.Addr().String()
}

// pass opens a tunnel, and closes it in order.
func pass(t *testing.T, d *client.Dialer, to string) {
	t.Helper()
	c, err := d.DialContext(t.Context(), "tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	io.WriteString(c, "hello")
	c.(interface{ CloseWrite() error }).CloseWrite()
	if got, err := io.ReadAll(c); string(got) != "hello" || err != nil {
		t.Fatalf("got %q and %v", got, err)
	}
}

// lines waits until a file has n lines, and returns them.
func lines(t *testing.T, path string, n int) (events []audit.Event) {
	t.Helper()
	var text []byte
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		text, _ = os.ReadFile(path)
		if strings.Count(string(text), "\n") >= n {
			break
		}
	}
	for line := range strings.Lines(string(text)) {
		var e audit.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		events = append(events, e)
	}
	if len(events) != n {
		t.Fatalf("got %d lines, want %d: %s", len(events), n, text)
	}
	return events
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l, err := audit.Open(path, audit.Options{Node: "here"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s, as := serve(t, l)
	to := origin(t)
	pass(t, as("alice", "secret"), to)
	lines(t, path, 2)
	if _, err := as("alice", "hunter2").DialContext(t.Context(), "tcp", to); err == nil {
		t.Fatal("let in")
	}
	lines(t, path, 3)
	if _, err := as("bob", "secret").DialContext(t.Context(), "tcp", "denied.test:80"); err == nil {
		t.Fatal("not denied")
	}
	lines(t, path, 4)
	c, err := as("carol", "secret").DialContext(t.Context(), "tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for session := range s.Sessions() {
		session.End(fmt.Errorf("%w: uid 7", server.ErrKilled))
	}
	lines(t, path, 6)
	l.Reloaded(audit.Reload{By: "SIGHUP", Changed: []string{"rules"}, Ended: 2, Error: "users:3: bad"})
	var got []string
	for _, e := range lines(t, path, 7) {
		what := fmt.Sprintf("%d %s %s", e.Version, e.Event, e.Node)
		if e.Session != nil {
			what += fmt.Sprintf(" %s%s %s %q", e.Session.User, e.Session.Tried, e.Session.Command, e.Session.Host)
		}
		if e.Reload != nil {
			what += fmt.Sprintf(" %+v", *e.Reload)
		}
		if e.Time.IsZero() {
			t.Errorf("%s: no time", what)
		}
		got = append(got, what)
	}
	want := []string{
		`1 opened here alice connect "127.0.0.1"`, `1 closed here alice connect "127.0.0.1"`, `1 login_failed here alice  ""`,
		`1 refused here bob connect "denied.test"`, `1 opened here carol connect "127.0.0.1"`, `1 killed here carol connect "127.0.0.1"`,
		`1 reloaded here {By:SIGHUP Changed:[rules] Ended:2 Error:users:3: bad}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if text, _ := os.ReadFile(path); strings.Contains(string(text), "hunter2") || !strings.Contains(string(text), "uid 7") {
		t.Errorf("the log is %s", text)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// A file that was renamed is left at Reopen, and not before.
func TestReopen(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file keeps its name there")
	}
	path := filepath.Join(t.TempDir(), "audit.log")
	l, err := audit.Open(path, audit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	reloaded := func(by string) { l.Reloaded(audit.Reload{By: by}) }
	reloaded("one")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	reloaded("two")
	lines(t, path+".1", 2)
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	reloaded("three")
	if got := lines(t, path, 1)[0].Reload.By; got != "three" {
		t.Errorf("got %s", got)
	}
	os.Remove(path)
	os.Mkdir(path, 0o700)
	if err := l.Reopen(); err == nil {
		t.Error("opened a directory")
	}
	reloaded("four") // goes where it went before
	if l.Lost() != 0 || l.Fault() != nil {
		t.Errorf("lost %d, %v", l.Lost(), l.Fault())
	}
}

// No record, no session: where the log is required. Without that it is counted.
func TestRequired(t *testing.T) {
	for _, required := range []bool{true, false} {
		path := filepath.Join(t.TempDir(), "log")
		l, err := audit.Open(path, audit.Options{Required: required})
		if err != nil {
			t.Fatal(err)
		}
		_, as := serve(t, l)
		to := origin(t)
		pass(t, as("alice", "secret"), to)
		lines(t, path, 2)
		l.Close() // from here on writes fail
		c, err := as("alice", "secret").DialContext(t.Context(), "tcp", to)
		if refused := err != nil && strings.Contains(err.Error(), "general"); refused != required {
			t.Errorf("required %v: got %v", required, err)
		}
		if err == nil {
			c.Close()
		}
		if l.Lost() == 0 || l.Fault() == nil {
			t.Errorf("required %v: lost %d, %v", required, l.Lost(), l.Fault())
		}
	}
}

// packets returns what reads the next datagram.
func packets(t *testing.T, pc net.PacketConn) func() string {
	return func() string {
		b := make([]byte, 4096)
		pc.SetDeadline(time.Now().Add(patience))
		n, _, err := pc.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
}

// framed returns what reads the first message of the next connection.
func framed(t *testing.T, l net.Listener) func() string {
	return func() string {
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		r := bufio.NewReader(c)
		length, _ := r.ReadString(' ')
		size, err := strconv.Atoi(strings.TrimSpace(length))
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, size)
		if _, err := io.ReadFull(r, b); err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
}

var header = regexp.MustCompile(`^<(8[45])>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) here socksctl \d+ (\w+) - (\{.*\})$`)

// What syslog gets is RFC 5424, over each transport.
func TestSyslog(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("unix sockets take no datagrams there")
	}
	path := filepath.Join(t.TempDir(), "log")
	unix, err := net.ListenPacket("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	for place, read := range map[string]func() string{
		"syslog:unix://" + path:                    packets(t, unix),
		"syslog:udp://" + udp.LocalAddr().String(): packets(t, udp),
		"syslog:tcp://" + tcp.Addr().String():      framed(t, tcp),
	} {
		l, err := audit.Open(place, audit.Options{Node: "he re\n"})
		if err != nil {
			t.Fatal(err)
		}
		l.Reloaded(audit.Reload{By: "SIGHUP"})
		got := read()
		m := header.FindStringSubmatch(got)
		if m == nil || m[1] != "85" || m[3] != "reloaded" {
			t.Errorf("%s: got %q", place, got)
			continue
		}
		var e audit.Event
		if err := json.Unmarshal([]byte(m[4]), &e); err != nil || e.Reload.By != "SIGHUP" {
			t.Errorf("%s: %v", place, err)
		}
		if err := l.Close(); err != nil || l.Lost() != 0 {
			t.Errorf("%s: %v, lost %d: %v", place, err, l.Lost(), l.Fault())
		}
	}
}

func TestPlaces(t *testing.T) {
	for _, place := range []string{"", filepath.Join(t.TempDir(), "none", "log"), "syslog:http://x", "syslog:tcp://x", "syslog:udp://:514", "syslog:unix://x/y"} {
		if l, err := audit.Open(place, audit.Options{}); err == nil {
			l.Close()
			t.Errorf("%q is no place", place)
		}
	}
	l, err := audit.Open("syslog:tcp://127.0.0.1:1", audit.Options{}) // need not answer yet
	if err != nil {
		t.Fatal(err)
	}
	l.Reloaded(audit.Reload{})
	l.Reloaded(audit.Reload{})
	if l.Lost() != 2 {
		t.Errorf("lost %d lines, want 2", l.Lost())
	}
	l.Close()
}
