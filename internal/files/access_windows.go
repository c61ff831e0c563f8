package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"
)

// What exposes a file, and what exposes a directory.
const (
	readOrWrite = windows.FILE_READ_DATA | windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA | windows.GENERIC_READ | change
	change      = windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA | deleteChild |
		windows.DELETE | windows.WRITE_DAC | windows.WRITE_OWNER | windows.GENERIC_WRITE | windows.GENERIC_ALL
	deleteChild = 0x40 // FILE_DELETE_CHILD
)

// Own leaves the file at path, which may be a socket, to this user; the system and
// administrators, who may do everything, have it too. Where a file system has no
// access rights there is nothing to do.
func Own(path string) error {
	sd, err := ownAccess()
	if err != nil {
		return err
	}
	dacl, _, err := sd.DACL()
	if err != nil {
		return err
	}
	h, err := open(path)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(h)
	var flags uint32
	if err := windows.GetVolumeInformationByHandle(h, nil, 0, nil, nil, &flags, nil, 0); err == nil && flags&windows.FILE_PERSISTENT_ACLS == 0 {
		return nil
	}
	err = windows.SetSecurityInfo(h, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, dacl, nil)
	if err != nil {
		return &fs.PathError{Op: "set access", Path: path, Err: err}
	}
	return nil
}

// open opens what is at path itself: a socket is a reparse point, which nobody can
// follow.
func open(path string) (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	const share = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	h, err := windows.CreateFile(name, windows.READ_CONTROL|windows.WRITE_DAC, share, nil, windows.OPEN_EXISTING,
		windows.FILE_FLAG_OPEN_REPARSE_POINT|windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return 0, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return h, nil
}

// ownAccess is all rights for this user, the system and administrators, in a
// directory for what is made there too, and none that come from above.
func ownAccess() (*windows.SECURITY_DESCRIPTOR, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, err
	}
	return windows.SecurityDescriptorFromString(fmt.Sprintf("D:P(A;OICI;FA;;;%s)(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)", user.User.Sid))
}

func exposed(path string) error {
	sd, err := access(path)
	if err != nil {
		return nil
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return nil
	}
	if who := others(sd, readOrWrite, owner); who != "" {
		return fmt.Errorf(`%[1]s is open to %[2]s: icacls "%[1]s" /inheritance:r /grant:r %%USERNAME%%:F`, path, who)
	}
	return nil
}

func makeOwn(dir string) error {
	sd, err := ownAccess()
	if err != nil {
		return err
	}
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return err
	}
	attributes := &windows.SecurityAttributes{SecurityDescriptor: sd}
	attributes.Length = uint32(unsafe.Sizeof(*attributes))
	if err := windows.CreateDirectory(name, attributes); err != nil {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: err}
	}
	return nil
}

// isOwn looks at the owner too, who may give rights.
func isOwn(dir string, _ fs.FileInfo) error {
	sd, err := access(dir)
	if err != nil {
		return err
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return err
	}
	if !trusted(owner) {
		return fmt.Errorf("%s belongs to %s: delete it", dir, account(owner))
	}
	if who := others(sd, change); who != "" {
		return fmt.Errorf("%s can be written to by %s: delete it", dir, who)
	}
	return nil
}

// access returns who has which rights at path.
func access(path string) (*windows.SECURITY_DESCRIPTOR, error) {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return nil, &fs.PathError{Op: "read access", Path: path, Err: err}
	}
	return sd, nil
}

// others returns somebody to whom sd gives some of rights who is neither trusted nor
// one of but, and "" if there is nobody.
func others(sd *windows.SECURITY_DESCRIPTOR, rights windows.ACCESS_MASK, but ...*windows.SID) string {
	dacl, _, err := sd.DACL()
	if errors.Is(err, windows.ERROR_OBJECT_NOT_FOUND) || err == nil && dacl == nil {
		return "everyone" // which is what no list means
	}
	if err != nil {
		return ""
	}
	for i := range uint32(dacl.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if windows.GetAce(dacl, i, &ace) != nil || ace.Header.AceType != windows.ACCESS_ALLOWED_ACE_TYPE ||
			ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 || ace.Mask&rights == 0 {
			continue
		}
		sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart))
		known := trusted(sid) || sid.IsWellKnown(windows.WinCreatorOwnerRightsSid)
		if !known && !slices.ContainsFunc(but, sid.Equals) {
			return account(sid)
		}
	}
	return ""
}

// trusted tells of this user, the system and administrators.
func trusted(sid *windows.SID) bool {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	return err == nil && sid.Equals(user.User.Sid) ||
		sid.IsWellKnown(windows.WinLocalSystemSid) || sid.IsWellKnown(windows.WinBuiltinAdministratorsSid)
}

// account returns the name of sid.
func account(sid *windows.SID) string {
	name, domain, _, err := sid.LookupAccount("")
	if err != nil {
		return sid.String()
	}
	if domain == "" {
		return name
	}
	return domain + `\` + name
}
