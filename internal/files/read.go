// Package files reads and writes the small files that a server lives by:
// certificates, keys, user files. Reads are bounded, writes are atomic and keep
// secrets to their owner, and a watch tells of changes.
package files

import (
	"fmt"
	"io"
	"os"
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
