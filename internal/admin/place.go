package admin

import (
	"context"
	"errors"
	"net"
	"path/filepath"
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
// root; on macOS in the user's TMPDIR; on Windows in %LocalAppData%, or in %ProgramData%
// for administrators.
func Place(service string) (string, error) {
	if dirs := files.UnitDirs("RUNTIME_DIRECTORY"); len(dirs) > 0 {
		return "unix:" + filepath.Join(dirs[0], service+".sock"), nil
	}
	return usualPlace(service)
}

// usualPlace is Place but for systemd.
func usualPlace(service string) (string, error) {
	dir, err := usualDir()
	if err != nil {
		return "", err
	}
	return "unix:" + filepath.Join(dir, service+".sock"), nil
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

// ListenHere opens the listener of a service at its [Place], whose directory it
// makes, by open.
func ListenHere(ctx context.Context, service string, open func(context.Context, string) (net.Listener, error)) (net.Listener, error) {
	address, err := Place(service)
	if err != nil {
		return nil, err
	}
	if err := files.OwnDir(filepath.Dir(strings.TrimPrefix(address, "unix:"))); err != nil {
		return nil, err
	}
	return open(ctx, address)
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
