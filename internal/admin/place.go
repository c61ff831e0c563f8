package admin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/socksctl/socksctl/internal/files"
)

// The services, whose sockets bear their names.
const (
	Serve   = "serve"
	Forward = "forward"
)

// ErrNoPlace is what [Place] returns for a user who has no directory for what
// runs.
var ErrNoPlace = errors.New("XDG_RUNTIME_DIR is not set, and this is not root")

// Place returns the address of a service where none is named: "unix:" and a path
// in the directory that systemd made for it, else in XDG_RUNTIME_DIR, or in /run for
// root; on macOS in the user's TMPDIR. On Windows there is none: the error is errors.ErrUnsupported.
func Place(service string) (string, error) {
	if dirs := files.UnitDirs("RUNTIME_DIRECTORY"); len(dirs) > 0 {
		return "unix:" + filepath.Join(dirs[0], service+".sock"), nil
	}
	return usualPlace(service)
}

// usualPlace is Place but for systemd.
func usualPlace(service string) (string, error) {
	if runtime.GOOS == "windows" {
		return "", fmt.Errorf("a default admin socket: %w", errors.ErrUnsupported)
	}
	return place(service, os.Geteuid(), runtimeDir(runtime.GOOS))
}

// runtimeDir returns the directory for what a user runs, or nothing. macOS has no
// XDG_RUNTIME_DIR, but a directory for temporary files that is each user's own.
func runtimeDir(system string) string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) || system != "darwin" {
		return dir
	}
	dir := os.Getenv("TMPDIR")
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&0o077 != 0 { //nolint:gosec // a directory that the user names
		return ""
	}
	return dir
}

// Places returns where a service is looked for that no place was named for.
func Places() (addresses []string) {
	for _, address := range slices.Concat(places(Place), places(usualPlace)) {
		if !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	return addresses
}

func places(find func(service string) (string, error)) (addresses []string) {
	for _, service := range []string{Serve, Forward} {
		if address, err := find(service); err == nil {
			addresses = append(addresses, address)
		}
	}
	return addresses
}

func place(service string, uid int, runtimeDir string) (string, error) {
	dir := "/run"
	if _, err := os.Stat(dir); err != nil { // BSD and its kin
		dir = "/var/run"
	}
	if uid != 0 {
		if dir = runtimeDir; !filepath.IsAbs(dir) {
			return "", ErrNoPlace
		}
	}
	return "unix:" + filepath.Join(dir, "socksctl", service+".sock"), nil
}

// ListenHere opens the listener of a service at its [Place], whose directory it
// makes, by open.
func ListenHere(ctx context.Context, service string, open func(context.Context, string) (net.Listener, error)) (net.Listener, error) {
	address, err := Place(service)
	if err != nil {
		return nil, err
	}
	if err := ownDir(filepath.Dir(strings.TrimPrefix(address, "unix:"))); err != nil {
		return nil, err
	}
	return open(ctx, address)
}

// ownDir makes dir when it is missing. One that others can write to is refused:
// they could put a socket of their own in place of ours.
func ownDir(dir string) error {
	if err := os.Mkdir(dir, 0o700); err == nil || !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", dir)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("%s can be written to by other users (mode %04o): chmod 700 it", dir, info.Mode().Perm())
	}
	return nil
}

// Running returns the addresses of the services that answer at their [Place]. What
// runs in a unit of systemd's that has none may ask those of another.
func Running(ctx context.Context) []string {
	if here := answering(ctx, places(Place)); len(here) > 0 {
		return here
	}
	return answering(ctx, places(usualPlace))
}

// answering returns those of some addresses that can be connected to.
func answering(ctx context.Context, places []string) (addresses []string) {
	var dialer net.Dialer
	for _, address := range places {
		if c, err := dialer.DialContext(ctx, "unix", strings.TrimPrefix(address, "unix:")); err == nil {
			c.Close()
			addresses = append(addresses, address)
		}
	}
	return addresses
}
