package files_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"

	"github.com/socksctl/socksctl/internal/files"
)

// give has everyone do what rights say at path.
func give(t *testing.T, path, rights string) {
	t.Helper()
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	must(t, err)
	sd, err := windows.SecurityDescriptorFromString("D:P(A;;FA;;;" + user.User.Sid.String() + ")(A;;" + rights + ";;;WD)")
	must(t, err)
	dacl, _, err := sd.DACL()
	must(t, err)
	must(t, windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, dacl, nil))
}

// What others have been let to is exposed, until it is its owner's own; a secret is so
// from the start, wherever it is.
func TestExposed(t *testing.T) {
	dir := t.TempDir()
	file, secret := filepath.Join(dir, "file"), filepath.Join(dir, "secret")
	must(t, os.WriteFile(file, nil, 0o600))
	for _, rights := range []string{"FR", "FW", "FA"} {
		give(t, file, rights)
		if err := files.Exposed(file); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: got %v, want an error that names the file", rights, err)
		}
		must(t, files.Own(file))
		if err := files.Exposed(file); err != nil {
			t.Errorf("%s, taken away: %v", rights, err)
		}
	}
	give(t, dir, "FA")
	must(t, files.Create(secret, []byte("one"), 0o600))
	must(t, files.Exposed(secret))
	must(t, files.Replace(secret, []byte("two"), 0o600))
	must(t, files.Exposed(secret))
	must(t, files.Exposed(filepath.Join(dir, "none")))
}

func TestOwnDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "too")
	for range 2 { // it is made, and it is there
		must(t, files.OwnDir(dir))
	}
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o666))
	must(t, files.Exposed(filepath.Join(dir, "file"))) // as what is made in it is
	give(t, dir, "FR")
	must(t, files.OwnDir(dir))
	give(t, dir, "FA")
	if err := files.OwnDir(dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("everyone writes there: got %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	if err := files.OwnDir(file); err == nil {
		t.Error("a file is no error")
	}
}
