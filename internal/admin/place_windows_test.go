package admin

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"
)

// Who has the rights of an administrator and who has not look in places of their own,
// as the system names them: no variable leads elsewhere.
func TestUsualDir(t *testing.T) {
	t.Setenv("ProgramData", t.TempDir())
	t.Setenv("LocalAppData", t.TempDir())
	dir, err := usualDir()
	if err != nil {
		t.Fatal(err)
	}
	isOfUser := strings.HasSuffix(dir, filepath.Join("AppData", "Local", "socksctl", "run"))
	isOfSystem := strings.HasSuffix(dir, filepath.Join("ProgramData", "socksctl", "run"))
	if elevated := windows.GetCurrentProcessToken().IsElevated(); elevated != isOfSystem || elevated == isOfUser {
		t.Errorf("got %s, with an administrator's rights: %v", dir, elevated)
	}
}
