package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Exposed returns an error that says so when users other than the owner may read
// or write the file, and nil when they may not or when there is no such file. The
// group of a file of root's may read it; on Windows the system and administrators are
// no others.
func Exposed(path string) error { return exposed(path) }

// OwnDir makes dir, for this user alone, when it is missing. One that others can
// write to is refused: they could put a file of their own in place of ours.
func OwnDir(dir string) error {
	if err := makeOwn(dir); err == nil || !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", dir)
	}
	return isOwn(dir, info)
}
