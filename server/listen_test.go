//go:build unix

package server_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/socksctl/socksctl/internal/errno"
	"github.com/socksctl/socksctl/server"
)

func listen(t *testing.T, address string) (net.Listener, error) {
	t.Helper()
	l, err := server.Listen(context.Background(), address)
	if err == nil {
		t.Cleanup(func() { l.Close() })
	}
	return l, err
}

func TestListenUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	old := syscall.Umask(0) // the mode is not the umask's doing
	defer syscall.Umask(old)
	l, err := listen(t, "unix:"+path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("got mode %v, %v, want a socket of 0600", info.Mode(), err)
	}
	if l.Addr().String() != path {
		t.Errorf("got address %s, want %s", l.Addr(), path)
	}
	if _, err := listen(t, "unix:"+path); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), path) {
		t.Errorf("a socket that is served: got %v, want EADDRINUSE with the path", err)
	}
	if c, err := net.Dial("unix", path); err != nil {
		t.Errorf("the first listener is gone: %v", err)
	} else {
		c.Close()
	}
	l.Close()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close: %v, want the socket gone", err)
	}
}

func TestListenUnixReplacesStale(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	if _, err := listen(t, "unix:"+path); err != nil {
		t.Fatalf("a socket that was left behind: %v", err)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// Whatever else is at the path stays there.
func TestListenUnixKeepsOthersFiles(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "nowhere"), link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, link, dir} {
		if _, err := listen(t, "unix:"+path); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want one that exists", path, err)
		}
	}
	if b, err := os.ReadFile(file); string(b) != "precious" {
		t.Errorf("the file holds %q, %v", b, err)
	}
	if _, err := listen(t, "unix:"+filepath.Join(dir, "no", "such", "dir")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: got %v", err)
	}
}

func TestListenTCP(t *testing.T) {
	l, err := listen(t, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listen(t, l.Addr().String()); !errno.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("a port that is taken: got %v, want EADDRINUSE with the address", err)
	}
}
