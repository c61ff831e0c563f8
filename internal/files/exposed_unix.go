//go:build !windows

package files

import (
	"io/fs"
	"syscall"
)

// forItsGroup reports whether root keeps the file for a group that reads it, such as
// that of a service: who else is in it is root's to say.
func forItsGroup(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid == 0 && info.Mode().Perm()&^0o740 == 0
}
