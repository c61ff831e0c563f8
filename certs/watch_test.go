package certs_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/certs"
)

// lines is a log that can be waited for.
type lines chan string

func (l lines) Write(p []byte) (int, error) { l <- string(p); return len(p), nil }

func (l lines) wait(t *testing.T, text string) {
	t.Helper()
	for {
		select {
		case line := <-l:
			if strings.Contains(line, text) {
				return
			}
		case <-t.Context().Done():
			t.Fatalf("no %q in the log", text)
		}
	}
}

func watched(t *testing.T, c certs.ServerConfig) (*certs.Server, lines) {
	t.Helper()
	log := make(lines, 100)
	c.Log = slog.New(slog.NewTextHandler(log, nil))
	s := newServer(t, c)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Watch(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s, log
}

func TestTLSWatchRenameOver(t *testing.T) {
	n := newNetwork(t)
	server, log := watched(t, n.server())
	next := pairOf(t)(n.ca.Server([]string{"localhost", "second"}, certs.Options{}))
	n.write(t, "server", next) // renames over both files
	log.wait(t, "certificates reloaded")
	if !server.Certificate().Equal(next.Certificate) {
		t.Error("not the new certificate")
	}

	if err := os.WriteFile(n.path("server.crt"), []byte("nonsense"), 0o644); err != nil {
		t.Fatal(err)
	}
	log.wait(t, "certificates not reloaded, the earlier ones stay in force")
	client := newClient(t, n.client())
	mustMeet(t, server.TLSConfig(), client.TLSConfig("second"))
	if !server.NotAfter().Equal(next.Certificate.NotAfter) {
		t.Error("not the last good certificate")
	}
	last := pairOf(t)(n.ca.Server([]string{"third"}, certs.Options{}))
	n.write(t, "server", last)
	log.wait(t, "certificates reloaded")
	mustMeet(t, server.TLSConfig(), client.TLSConfig("third"))
}

// As Kubernetes does: server.crt leads to ..data/server.crt, and ..data to a
// directory that is replaced as a whole.
func TestTLSWatchSymlinkSwap(t *testing.T) {
	ca, dir := newCA(t, "net"), t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	put := func(version, host string) {
		t.Helper()
		must(pairOf(t)(ca.Server([]string{host}, certs.Options{})).Write(filepath.Join(dir, version), "server", false))
		must(os.Symlink(version, filepath.Join(dir, "..tmp")))
		must(os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")))
	}
	put("..1", "one")
	for _, name := range []string{"server.crt", "server.key"} {
		must(os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)))
	}
	server, log := watched(t, certs.ServerConfig{CertFile: filepath.Join(dir, "server.crt"), KeyFile: filepath.Join(dir, "server.key")})
	for i, host := range []string{"two", "three", "four"} {
		put("..2"+host, host)
		if i > 0 {
			must(os.RemoveAll(filepath.Join(dir, "..1")))
		}
		log.wait(t, "certificates reloaded")
		if got := server.Certificate().Subject.CommonName; got != host {
			t.Errorf("got %s, want %s", got, host)
		}
	}
}

func TestTLSWatchWithoutDirectory(t *testing.T) {
	n := newNetwork(t)
	server := newServer(t, n.server())
	if err := os.RemoveAll(n.dir); err != nil {
		t.Fatal(err)
	}
	if err := server.Watch(t.Context()); err == nil || !strings.Contains(err.Error(), n.dir) {
		t.Errorf("got %v, want an error that names the directory", err)
	}
}
