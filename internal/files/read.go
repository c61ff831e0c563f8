// Package files reads and writes the small files that a server lives by:
// certificates, keys, user files. Reads are bounded, writes are atomic and keep
// secrets to their owner, and a watch tells of changes.
package files

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
)

// MaxSize bounds what [Read] returns.
const MaxSize = 16 << 20

// Read returns the content of a file of at most [MaxSize] bytes. Its errors name
// the file.
func Read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxSize {
		return nil, fmt.Errorf("read %s: larger than %d MiB", path, MaxSize>>20)
	}
	return data, nil
}

// Exposed returns an error that says so when users other than the owner may read
// or write the file, and nil when they may not or when there is no such file. The
// group of a file of root's may read it. Windows has no such bits: there it returns nil.
func Exposed(path string) error {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0 || forItsGroup(info) {
		return nil
	}
	return fmt.Errorf("%s is open to other users (mode %04o): chmod 600 it", path, info.Mode().Perm()&fs.ModePerm)
}
