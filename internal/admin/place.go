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
	"strings"
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
// in XDG_RUNTIME_DIR, or in /run for root. On Windows there is none: the error is
// errors.ErrUnsupported.
func Place(service string) (string, error) {
	if runtime.GOOS == "windows" {
		return "", fmt.Errorf("a default admin socket: %w", errors.ErrUnsupported)
	}
	return place(service, os.Geteuid(), os.Getenv("XDG_RUNTIME_DIR"))
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

// Running returns the addresses of the services that answer at their [Place].
func Running(ctx context.Context) (addresses []string) {
	var dialer net.Dialer
	for _, service := range []string{Serve, Forward} {
		address, err := Place(service)
		if err != nil {
			continue
		}
		if c, err := dialer.DialContext(ctx, "unix", strings.TrimPrefix(address, "unix:")); err == nil {
			c.Close()
			addresses = append(addresses, address)
		}
	}
	return addresses
}
