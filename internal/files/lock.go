package files

import (
	"errors"
	"fmt"
	"os"
)

// ErrLocked tells that another process, or another part of this one, has a lock.
var ErrLocked = errors.New("locked by another process")

// Lock takes the lock that is the file at path, which it makes, and waits for it
// if somebody has it. The lock ends with unlock, and with the process at the latest.
func Lock(path string) (unlock func() error, err error) { return take(path, true) }

// TryLock is Lock, but does not wait: an error that wraps ErrLocked tells that
// somebody has it.
func TryLock(path string) (unlock func() error, err error) { return take(path, false) }

func take(path string, wait bool) (unlock func() error, err error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		if err := lock(f, wait); err != nil {
			f.Close()
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if isAt(f, path) {
			return func() error {
				_ = os.Remove(path) // Windows keeps what is open, and the next to lock it does not mind
				return f.Close()
			}, nil
		}
		f.Close() // whoever had it has taken it away meanwhile
	}
}

// isAt tells whether f is still what is at path.
func isAt(f *os.File, path string) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(opened, there)
}
