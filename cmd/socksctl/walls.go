package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/socksctl/socksctl/internal/config"
	"github.com/socksctl/socksctl/internal/files"
	"github.com/socksctl/socksctl/internal/walls"
)

// errWalled is added to what the walls may have refused.
var errWalled = errors.New("since the start only the folders that files were in then can be read (landlock)")

// fence is what stands between a service and the files that are none of its own.
type fence struct {
	mode    config.Landlock
	key     string   // of mode
	program string   // that verifies logins, if one does
	writes  []string // folders that it writes in
	raised  bool
}

// raiseWalls keeps the process to the files that it still needs, as far as the
// configuration wants and the kernel can. All that is open by now stays open.
func (v *service) raiseWalls() error {
	mode := v.fence.mode
	if mode == config.LandlockOff {
		return nil
	}
	if mode == config.LandlockAuto && v.fence.program != "" {
		v.log.Debug("landlock is off: it would keep auth-command from files, and from the rights of setuid programs")
		return nil
	}
	for _, dir := range v.fence.writes {
		if err := os.MkdirAll(dir, 0o700); err != nil { // later it cannot be made
			v.log.Warn("cannot be written to", "folder", dir, "err", err)
		}
	}
	err := walls.Raise(v.plan())
	switch {
	case err == nil:
		v.fence.raised = true
		v.log.Debug("landlock is on")
		return nil
	case mode == config.LandlockOn:
		return fmt.Errorf("%s: %w", v.fence.key, err)
	case errors.Is(err, walls.ErrUnsupported):
		v.log.Debug("landlock is off", "err", err)
	default:
		v.log.Warn("landlock is off", "err", err)
	}
	return nil
}

// plan returns what the service needs once it is open.
func (v *service) plan() walls.Plan {
	p := walls.Plan{
		Read:    slices.Concat(v.reloadable(), systemFolders()),
		Write:   append(slices.Clone(v.fence.writes), named(os.Getenv("GOCOVERDIR"))...), // what go build -cover adds writes there at the end
		Devices: []string{"/dev/null", "/dev/random", "/dev/urandom"},
	}
	for _, l := range v.all {
		if path, isUnix := strings.CutPrefix(shown(l.Addr()), "unix:"); isUnix {
			p.Sockets = append(p.Sockets, filepath.Dir(path))
		}
	}
	if v.fence.program != "" { // and what interprets it, and the libraries of that
		p.Execute = append(files.Folders(v.fence.program), "/bin", "/lib", "/lib32", "/lib64", "/sbin", "/usr")
	}
	return p
}

// reloadable returns the folders of what reloads read: folders, since files are
// replaced by renames.
func (v *service) reloadable() []string {
	var paths []string
	for _, p := range slices.Concat(v.parts, v.unseen) {
		paths = append(paths, p.files...)
	}
	return files.Folders(paths...)
}

// systemFolders returns where the resolver, TLS and the metrics of the process read.
func systemFolders() []string {
	folders := files.Folders("/etc/hosts", "/etc/localtime", "/etc/nsswitch.conf", "/etc/resolv.conf", // replaced by renames too
		"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem", "/etc/ssl/certs/ca-certificates.crt")
	folders = append(folders, "/proc", "/run/systemd/resolve", "/usr/local/share/ca-certificates", "/usr/share/ca-certificates", "/usr/share/zoneinfo")
	folders = append(folders, files.Folders(named(os.Getenv("SSL_CERT_FILE"))...)...)
	return append(folders, filepath.SplitList(os.Getenv("SSL_CERT_DIR"))...)
}

// explain adds to the error of a reload what else may have been wrong than the
// file's mode.
func (f *fence) explain(err error) error {
	if !f.raised || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return fmt.Errorf("%w: %w", err, errWalled)
}
