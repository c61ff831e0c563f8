//go:build linux && amd64

package windows

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const patience = time.Minute // a program starts slowly the first time

// wine is a Wine with a directory of its own, and socksctl.exe.
type wine struct {
	loader, exe string
	env         []string
}

// find returns the path of a program of Wine, and "" when it is not here.
func find(names ...string) string {
	for _, name := range names {
		for _, dir := range []string{"", "/usr/lib/wine/"} { // where Debian has them
			if path, err := exec.LookPath(dir + name); err == nil {
				return path
			}
		}
	}
	return ""
}

// newWine returns one, whose processes end with the test.
func newWine(t *testing.T) *wine {
	t.Helper()
	loader, server := find("wine64", "wine"), find("wineserver64", "wineserver")
	if loader == "" || server == "" {
		t.Fatal("Wine is not here: Debian has it in the package wine64")
	}
	dir := t.TempDir()
	prefix := filepath.Join(dir, "prefix")
	w := &wine{loader: loader, exe: filepath.Join(dir, "socksctl.exe"), env: append(os.Environ(),
		"WINEPREFIX="+prefix, "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree,mshtml=", "DISPLAY=",
		"PATH="+os.Getenv("PATH")+":"+filepath.Dir(loader))}
	t.Cleanup(func() {
		_ = w.quietly(server, "--kill") // fails when there is nothing to end
		check(t, w.quietly(server, "--wait"))
	})
	check(t, w.quietly(loader, "wineboot", "--init"))
	prng := filepath.Join(prefix, "drive_c", "windows", "system32", "bcryptprimitives.dll")
	if _, err := os.Stat(prng); err != nil {
		check(t, os.WriteFile(prng, forwarder("bcryptprimitives.dll", "ProcessPrng", "advapi32.SystemFunction036"), 0o600))
	}
	w.build(t, dir)
	return w
}

// quietly runs a program of Wine that may leave services behind, which would hold a
// pipe open.
func (w *wine) quietly(program string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = w.env
	return cmd.Run()
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *wine) build(t *testing.T, dir string) {
	t.Helper()
	mended, err := overlay(dir, goroot(t))
	check(t, err)
	build := exec.Command("go", "build", "-trimpath", "-overlay", mended, "-o", w.exe, "./cmd/socksctl")
	build.Dir = "../.."
	build.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
}

func goroot(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	check(t, err)
	return strings.TrimSpace(string(out))
}

func (w *wine) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, w.loader, args...)
	cmd.Env, cmd.WaitDelay = w.env, time.Second
	return cmd
}

// socksctl runs a command to its end, and returns what it says.
func (w *wine) socksctl(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := w.command(ctx, append([]string{w.exe}, args...)...).CombinedOutput()
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) { // services that were started by it hold the pipe open
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

var listening = regexp.MustCompile(`^listening on (\S+) `)

// start runs a service, and returns where it listens.
func (w *wine) start(t *testing.T, args ...string) (address string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := w.command(ctx, append([]string{w.exe}, args...)...)
	said, err := cmd.StderrPipe()
	check(t, err)
	check(t, cmd.Start())
	timer := time.AfterFunc(patience, cancel)
	t.Cleanup(func() { cancel(); cmd.Wait() })
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			timer.Stop()
			go io.Copy(io.Discard, said) // ends with the process
			return m[1]
		}
		t.Log(lines.Text())
	}
	t.Fatalf("%s has ended, or says nothing", args[0])
	return ""
}

// freePort returns an address that nobody has now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	return l.Addr().String()
}

// echoUDP answers each datagram with itself.
func echoUDP(t *testing.T) string {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { pc.Close() })
	go func() { // ends when pc is closed
		buf := make([]byte, 1<<16)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			pc.WriteTo(buf[:n], from)
		}
	}()
	return pc.LocalAddr().String()
}

// The way of the first five minutes, by the program for Windows: certificates, a server,
// a forwarder, and TCP and UDP through both.
func TestSocksctlExe(t *testing.T) {
	w := newWine(t)
	if out := w.socksctl(t, "version"); !strings.Contains(out, "windows/amd64") {
		t.Errorf("version: got %q", out)
	}
	pki := t.TempDir()
	in := func(name string) string { return "Z:" + filepath.Join(pki, name) }
	w.socksctl(t, "cert", "ca", "--dir", in(""), "--name", "wine")
	w.socksctl(t, "cert", "server", "--dir", in(""), "--host", "127.0.0.1")
	w.socksctl(t, "cert", "client", "--dir", in(""), "--name", "alice")
	admin := freePort(t)
	server := w.start(t, "serve", "--tls-listen", "127.0.0.1:0", "--tls-cert", in("server.crt"), "--tls-key", in("server.key"),
		"--client-ca", in("ca.crt"), "--history", "sqlite:///"+in("history.db"), "--admin", admin)
	local := w.start(t, "forward", "--local", "127.0.0.1:0", "--server", "socks5+tls://"+server, "--admin", "off",
		"--ca", in("ca.crt"), "--cert", in("alice.crt"), "--key", in("alice.key"))

	t.Run("CONNECT by curl", func(t *testing.T) { w.download(t, local) })
	t.Run("UDP", func(t *testing.T) {
		out := w.socksctl(t, "udp-send", "--server", "socks5://"+local, echoUDP(t), "hello by Winsock")
		if !strings.Contains(out, "hello by Winsock") {
			t.Errorf("got %q", out)
		}
	})
	t.Run("refused", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		out, err := w.command(ctx, w.exe, "connect", "--server", "socks5://"+local, freePort(t)).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "REP 05") {
			t.Errorf("got %v, %s, want REP 05: what Winsock says is ConnectionRefused", err, out)
		}
	})
	t.Run("admin", func(t *testing.T) {
		if out := w.socksctl(t, "status", "--admin", admin); !strings.Contains(out, "serve") {
			t.Errorf("status: got %q", out)
		}
	})
	t.Run("history", func(t *testing.T) { w.records(t, "sqlite:///"+in("history.db")) })
}

// download fetches a mebibyte through the forwarder.
func (w *wine) download(t *testing.T, local string) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Fatal("curl is not here")
	}
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	origin := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.Write(want) }))
	defer origin.Close()
	got, err := exec.CommandContext(t.Context(), curl, "-q", "-sS", "--fail", "--max-time", "60", "--socks5-hostname", local, origin.URL).Output()
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, %v, want %d", len(got), err, len(want))
	}
}

// records waits until the sessions are on record, each with its user.
func (w *wine) records(t *testing.T, place string) {
	for limit := time.Now().Add(patience); ; {
		out := w.socksctl(t, "sessions", "history", "--history", place, "--json", "--user", "alice")
		missing := ""
		for _, want := range []string{`"connect"`, `"udp`} {
			if !strings.Contains(out, want) {
				missing += " " + want
			}
		}
		if missing == "" {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("missing%s in:\n%s", missing, out)
		}
	}
}
