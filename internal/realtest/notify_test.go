//go:build linux

package realtest_test

import (
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/socksctl/socksctl/client"
)

// manager is what systemd is for a service of Type=notify: a socket that is told
// how it does.
type manager struct{ *net.UnixConn }

func newManager(t *testing.T) manager {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(runtimeDir(t), "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return manager{c}
}

// told returns the next message that is no sign of life, and counts those.
func (m manager) told(t *testing.T) (message string, alive int) {
	t.Helper()
	m.SetReadDeadline(time.Now().Add(liveLimit))
	buf := make([]byte, 4096)
	for ; ; alive++ {
		n, err := m.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		if message = string(buf[:n]); message != "WATCHDOG=1" {
			return message, alive
		}
	}
}

// wants has the next message be one.
func (m manager) wants(t *testing.T, pattern string) []string {
	t.Helper()
	message, _ := m.told(t)
	found := regexp.MustCompile("^" + pattern + "$").FindStringSubmatch(message)
	if found == nil {
		t.Fatalf("got %q, want %q", message, pattern)
	}
	return found
}

func TestNotify(t *testing.T) {
	to, m := newEchoes(t), newManager(t)
	rules := writeFile(t, filepath.Join(t.TempDir(), "rules"), allowAll)
	admin := filepath.Join(runtimeDir(t), "a")
	cmd := command(socksctl(t), "serve", "--listen", "127.0.0.1:0", "--acl", rules, "--admin", "unix:"+admin, "--drain-timeout", "20s")
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+m.LocalAddr().String())
	p := startCommand(t, cmd)
	at := m.wants(t, `READY=1\nSTATUS=serving (\S+)`)[1]
	if err := reach(&client.Dialer{Address: at}, to); err != nil {
		t.Errorf("once it says that it is ready: %v", err)
	}
	now := func() int64 {
		var ts unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
			t.Fatal(err)
		}
		return ts.Nano() / 1000
	}
	for what, reload := range map[string]func(){
		"SIGHUP": func() { p.signal(t, syscall.SIGHUP) },
		"reload": func() { mustRun(t, command(socksctl(t), "reload", "--admin", "unix:"+admin)) },
	} {
		before := now()
		reload()
		began, err := strconv.ParseInt(m.wants(t, `RELOADING=1\nMONOTONIC_USEC=(\d+)`)[1], 10, 64)
		if err != nil || began < before || began > now() {
			t.Errorf("%s: began at %d, %v, want from %d on", what, began, err, before)
		}
		m.wants(t, `READY=1\nSTATUS=serving `+at)
	}
	steady := tunnel(t, &client.Dialer{Address: at}, to)
	p.signal(t, syscall.SIGTERM)
	m.wants(t, `STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=30000000`)
	p.signal(t, syscall.SIGHUP) // is nothing to tell of any more
	p.await(t, regexpOf("msg=reloaded by=SIGHUP"), 2)
	steady.close()
	p.ended(t)
	m.SetReadDeadline(time.Now())
	if n, err := m.Read(make([]byte, 100)); err == nil {
		t.Errorf("told of %d more bytes", n)
	}
}

// A service shows that it lives, twice in the time that it is given, while it
// serves and while it drains.
func TestWatchdog(t *testing.T) {
	to, m := newEchoes(t), newManager(t)
	cmd := command(socksctl(t), "serve", "--listen", "127.0.0.1:0")
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+m.LocalAddr().String(), "WATCHDOG_USEC=100000")
	p := startCommand(t, cmd)
	at := m.wants(t, `READY=1\nSTATUS=serving (\S+)`)[1]
	signs := func() {
		t.Helper()
		m.SetReadDeadline(time.Now().Add(liveLimit))
		for range 3 {
			buf := make([]byte, 100)
			if n, err := m.Read(buf); err != nil || string(buf[:n]) != "WATCHDOG=1" {
				t.Errorf("got %q, %v, want a sign of life", buf[:n], err)
			}
		}
	}
	signs()
	steady := tunnel(t, &client.Dialer{Address: at}, to)
	p.signal(t, syscall.SIGTERM)
	if message, _ := m.told(t); !strings.HasPrefix(message, "STOPPING=1\n") {
		t.Errorf("got %q", message)
	}
	signs()
	steady.close()
	p.ended(t)
}

// Each process tells its own manager: the one that took over is ready once the
// other one has been told to stop.
func TestNotifyTakeover(t *testing.T) {
	first, second := newManager(t), newManager(t)
	admin := "unix:" + filepath.Join(runtimeDir(t), "a")
	begin := func(m manager) *process {
		cmd := command(socksctl(t), "forward", "--local", "127.0.0.1:0", "--server", "socks5://127.0.0.1:1", "--takeover", "--admin", admin)
		cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+m.LocalAddr().String())
		return startCommand(t, cmd)
	}
	old := begin(first)
	at := first.wants(t, `READY=1\nSTATUS=serving (\S+)`)[1]
	begin(second)
	second.wants(t, `READY=1\nSTATUS=serving `+at)
	first.wants(t, `STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=40000000`)
	old.ended(t)
}

// A socket of its manager's that is not there is no reason not to serve.
func TestNotifyNobody(t *testing.T) {
	cmd := command(socksctl(t), "serve", "--listen", "127.0.0.1:0")
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+filepath.Join(t.TempDir(), "none"))
	p := startCommand(t, cmd)
	p.await(t, regexpOf(`level=WARN msg="systemd was not told" err=`), 1)
	p.await(t, listening, 1)
}

// One that hangs keeps the service neither from a reload nor from its end.
func TestNotifyHanging(t *testing.T) {
	m := newManager(t)
	cmd := command(socksctl(t), "serve", "--listen", "127.0.0.1:0")
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+m.LocalAddr().String(), "WATCHDOG_USEC=10000")
	p := startCommand(t, cmd)
	p.await(t, regexpOf(`level=WARN msg="systemd was not told" err=.*i/o timeout`), 1) // its queue is full
	p.signal(t, syscall.SIGHUP)
	p.await(t, regexpOf("msg=reloaded by=SIGHUP"), 1)
	p.stop(t)
}
