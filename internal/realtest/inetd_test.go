//go:build linux

package realtest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"sync"
	"testing"
)

// inetd listens on loopback and starts the program once for each connection,
// which is its stdin and stdout, as inetd does. A program ends when its peer
// hangs up, or with the test. If that fails it shows what they wrote to stderr.
func inetd(t *testing.T, path string, args ...string) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	inetdAt(t, l, path, args...)
	_, port = splitHostPort(t, l.Addr().String())
	return port
}

// inetdAt is inetd for a listener, which it closes.
func inetdAt(t *testing.T, l net.Listener, path string, args ...string) {
	t.Helper()
	said := newTranscript()
	var running sync.WaitGroup
	running.Go(func() { // ends when l is closed
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { hand(t.Context(), conn.(*net.TCPConn), said, path, args...) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
		if t.Failed() {
			t.Logf("%s: %s", path, said)
		}
	})
}

// hand runs the program on conn.
func hand(ctx context.Context, conn *net.TCPConn, stderr io.Writer, path string, args ...string) {
	file, err := conn.File()
	if err := errors.Join(err, conn.Close()); err != nil {
		fmt.Fprintln(stderr, err)
		return
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = environment()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = file, file, stderr
	err = cmd.Start()
	file.Close() // the peer must see the end of the program
	if err != nil {
		fmt.Fprintln(stderr, err)
		return
	}
	if err := cmd.Wait(); err != nil {
		fmt.Fprintln(stderr, err)
	}
}
