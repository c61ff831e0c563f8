package admin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "a token that nobody guesses"

// run serves s at address until the test ends, and returns where.
func run(t testing.TB, s *admin.Server, address string) net.Addr {
	t.Helper()
	l, err := server.Listen(context.Background(), address)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("got %v, want http.ErrServerClosed", err)
		}
	})
	return l.Addr()
}

// reloads is a service that counts.
type reloads struct{ n int }

func (r *reloads) server() *admin.Server {
	return &admin.Server{Reload: func(context.Context) (admin.Result, error) {
		r.n++
		return admin.Result{Reloaded: []string{"rules"}, Ended: 2}, nil
	}}
}

// socket returns a unix address that is short enough.
func socket(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "a")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return "unix:" + filepath.Join(dir, "s")
}

// send writes a request with the header lines, on a connection of its own.
func send(t testing.TB, at net.Addr, request string, header ...string) net.Conn {
	t.Helper()
	c, err := net.Dial(at.Network(), at.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	lines := strings.Join(append([]string{request + " HTTP/1.1", "Connection: close"}, header...), "\r\n")
	if _, err := fmt.Fprint(c, lines, "\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return c
}

// ask sends a request and returns the status and the body of the answer.
func ask(t testing.TB, at net.Addr, request string, header ...string) (status int, body string) {
	t.Helper()
	c := send(t, at, request, header...)
	defer c.Close()
	text, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(string(text), "HTTP/1.1 %d ", &status); err != nil {
		t.Fatalf("%v: %q", err, text)
	}
	_, body, _ = strings.Cut(string(text), "\r\n\r\n")
	return status, body
}
