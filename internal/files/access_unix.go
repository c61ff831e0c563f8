//go:build !windows

package files

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// Own leaves the file at path, which may be a socket, to its owner.
func Own(path string) error { return os.Chmod(path, 0o600) }

func exposed(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o077 == 0 || forItsGroup(info) {
		return nil
	}
	return fmt.Errorf("%s is open to other users (mode %04o): chmod 600 it", path, info.Mode().Perm())
}

// forItsGroup reports whether root keeps the file for a group that reads it, such as
// that of a service: who else is in it is root's to say.
func forItsGroup(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid == 0 && info.Mode().Perm()&^0o740 == 0
}

func makeOwn(dir string) error { return os.Mkdir(dir, 0o700) }

func isOwn(dir string, info fs.FileInfo) error {
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s can be written to by other users (mode %04o): chmod 700 it", dir, info.Mode().Perm())
	}
	return nil
}
