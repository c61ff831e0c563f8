package admin

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// usualDir returns the directory for what runs: that of the system for who has the
// rights of an administrator, as services have them, else one of this user's own.
func usualDir() (string, error) {
	folder := windows.FOLDERID_LocalAppData
	if windows.GetCurrentProcessToken().IsElevated() {
		folder = windows.FOLDERID_ProgramData
	}
	dir, err := windows.KnownFolderPath(folder, windows.KF_FLAG_DEFAULT)
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "socksctl", "run"), nil
}
