//go:build linux

package realtest_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Who waits at a terminal sees how far a command has come, and in the end only
// what it found. What goes into a file has nothing of it.
func TestProgressOfDatagrams(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	send := socksctl(t) + " udp-send --server socks5://" + serve(t).plain + " --count 3 --interval 200ms --timeout 500ms " + silent.LocalAddr().String()
	x := newTerminal(t, 140, 20, send)
	x.shows(t, " of 3 sent, 0 answered")
	x.shows(t, "no answer from "+silent.LocalAddr().String(), "status 1")
	x.hides(t, " of 3 sent")
	if r := run(t, command("/bin/sh", "-c", send)); strings.Contains(r.stderr, " of 3 sent") {
		t.Errorf("stderr is no terminal, and got %q", r.stderr)
	}
}

// Who connects at a terminal sees what it is that keeps him waiting.
func TestProgressOfConnect(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // it never speaks
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	connect := socksctl(t) + " connect --timeout 3s --server socks5+tls://" + silent.Addr().String() + " example.org:80"
	x := newTerminal(t, 140, 20, connect)
	x.shows(t, "waiting for socks5+tls://"+silent.Addr().String()+", ")
	x.shows(t, "no answer in time", "status 5")
	x.hides(t, "waiting for")
	if r := run(t, command("/bin/sh", "-c", connect)); strings.Contains(r.stderr, "waiting for") {
		t.Errorf("stderr is no terminal, and got %q", r.stderr)
	}
}

func TestProgressOfHistory(t *testing.T) {
	dir := t.TempDir()
	db := "sqlite://" + filepath.Join(dir, "history.db")
	to := newEchoes(t)
	s := serve(t, "--history", db)
	for range 3 {
		connect := command(socksctl(t), "connect", "--server", "socks5://"+s.plain, to.tcp)
		connect.Stdin = strings.NewReader("hello")
		mustRun(t, connect)
	}
	read := []string{"sessions", "history", "--json", "--status", "closed", "--history", db}
	for limit := time.Now().Add(startLimit); ; { // at first there is not even a table
		if r := run(t, command(socksctl(t), read...)); strings.Count(r.stdout, "\n") == 3 {
			break
		} else if time.Now().After(limit) {
			t.Fatalf("the sessions are not written down: %+v", r)
		}
	}
	file := filepath.Join(dir, "export")
	x := newTerminal(t, 140, 20, socksctl(t)+" "+strings.Join(read, " ")+" >"+file)
	x.shows(t, "status 0")
	x.hides(t, "sessions: ")
	if !strings.Contains(x.said.String(), "sessions: 1") { // what the terminal was sent
		t.Errorf("it showed no progress: %q", x.said)
	}
	if text, err := os.ReadFile(file); err != nil || strings.Count(string(text), "\n") != 3 || strings.Contains(string(text), "\x1b") {
		t.Errorf("the file: %v, %q, want three records alone", err, text)
	}
}
