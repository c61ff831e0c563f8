//go:build !windows

package admin

import (
	"os"
	"path/filepath"
	"runtime"
)

// usualDir returns the directory for what runs.
func usualDir() (string, error) { return dirOf(os.Geteuid(), runtimeDir(runtime.GOOS)) }

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

func dirOf(uid int, runtimeDir string) (string, error) {
	dir := "/run"
	if _, err := os.Stat(dir); err != nil { // BSD and its kin
		dir = "/var/run"
	}
	if uid != 0 {
		if dir = runtimeDir; !filepath.IsAbs(dir) {
			return "", ErrNoPlace
		}
	}
	return filepath.Join(dir, "socksctl"), nil
}
