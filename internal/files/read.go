// Package files reads and writes the small files that a server lives by:
// certificates, keys, user files. Reads are bounded, writes are atomic and keep
// secrets to their owner, and a watch tells of changes.
package files

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// MaxSize bounds what [Read] returns.
const MaxSize = 16 << 20

// What editors on Windows put before a text, to say how it is written.
const (
	markUTF8     = "\xef\xbb\xbf"
	markUTF16    = "\xff\xfe"
	markUTF16Big = "\xfe\xff"
)

// Read returns the text of a file of at most [MaxSize] bytes, without the mark that
// may stand before UTF-8. What is marked as UTF-16 is refused. Its errors name the
// file.
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
	if bytes.HasPrefix(data, []byte(markUTF16)) || bytes.HasPrefix(data, []byte(markUTF16Big)) {
		return nil, fmt.Errorf("read %s: it is UTF-16: save it as UTF-8", path)
	}
	return bytes.TrimPrefix(data, []byte(markUTF8)), nil
}
