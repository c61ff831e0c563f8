package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/socksctl/socksctl/internal/errno"
	"github.com/socksctl/socksctl/internal/files"
)

// Listen opens a listener on "host:port", or on "unix:PATH" with mode 0600: only
// its owner can connect, and on Windows administrators. A socket that a process left
// behind at PATH is replaced; one that somebody still serves is not.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	path, isUnix := strings.CutPrefix(address, "unix:")
	if !isUnix {
		config := listenConfig()
		return config.Listen(ctx, "tcp", address)
	}
	if err := removeStale(ctx, path); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	config := net.ListenConfig{Control: ownerOnly}
	l, err := config.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if err := files.Own(path); err != nil { // for systems where ownerOnly does nothing
		l.Close()
		return nil, err
	}
	return l, nil
}

// removeStale removes a socket at path that nobody accepts on.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%w, and is not a socket", fs.ErrExist)
	}
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "unix", path)
	if err == nil {
		c.Close()
		return syscall.EADDRINUSE
	}
	if !errno.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}
