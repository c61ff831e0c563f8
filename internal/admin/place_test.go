package admin

import (
	"context"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A service in a unit is in the directory that systemd made; commands there ask
// those elsewhere when none is.
func TestPlaceInUnit(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("RUNTIME_DIRECTORY", dir+string(filepath.ListSeparator)+"/other")
	want := "unix:" + filepath.Join(dir, "serve.sock")
	if got, err := Place(Serve); got != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	usual, err := usualPlace(Forward)
	if err == nil && !slices.Contains(Places(), usual) {
		t.Errorf("looks in %q, want %s among them", Places(), usual)
	}
	l, err := ListenHere(t.Context(), Serve, func(ctx context.Context, address string) (net.Listener, error) {
		return new(net.ListenConfig).Listen(ctx, "unix", strings.TrimPrefix(address, "unix:"))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if got := Running(t.Context()); !slices.Equal(got, []string{want}) {
		t.Errorf("got %q, want %s, whatever runs elsewhere", got, want)
	}
}
