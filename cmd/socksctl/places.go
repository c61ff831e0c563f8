package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/socksctl/socksctl/internal/files"
)

// configDirs returns where the configuration is looked for, the first first.
func configDirs() []string {
	dirs := files.UnitDirs("CONFIGURATION_DIRECTORY")
	if home, err := os.UserConfigDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, "socksctl"))
	}
	return append(dirs, hostConfigDirs(runtime.GOOS)...)
}

// hostConfigDirs returns those of the host, which only administrators write to. On
// Windows every user may make directories at the root of a drive and in %ProgramData%,
// and a configuration names programs to run: there is none.
func hostConfigDirs(system string) []string {
	switch system {
	case "windows":
		return nil
	case "freebsd":
		return []string{"/usr/local/etc/socksctl", "/etc/socksctl"}
	}
	return []string{"/etc/socksctl"}
}

// stateDir returns where a service keeps what it has to remember.
func stateDir() (string, error) {
	if dirs := files.UnitDirs("STATE_DIRECTORY"); len(dirs) > 0 {
		return dirs[0], nil
	}
	if os.Geteuid() == 0 {
		return hostStateDir(runtime.GOOS), nil
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "socksctl"), nil
	}
	if runtime.GOOS == "windows" {
		dir, err := os.UserCacheDir() // %LocalAppData%
		return filepath.Join(dir, "socksctl"), err
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no state directory: %w", err)
	}
	return filepath.Join(home, ".local", "state", "socksctl"), nil
}

// hostStateDir returns that of root.
func hostStateDir(system string) string {
	if system == "darwin" || system == "freebsd" {
		return "/var/db/socksctl" // they have no /var/lib
	}
	return "/var/lib/socksctl"
}
