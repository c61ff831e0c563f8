package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Replace writes a file so that a reader sees the old content or the new one,
// never a part. A symbolic link at path stays, and what it points to is replaced.
func Replace(path string, data []byte, mode fs.FileMode) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	tmp, err := writeTemp(path, data, mode)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		os.Remove(tmp)
		return err
	}
	return nil
}

// Create is [Replace] for a file that must not exist yet: its error then wraps
// fs.ErrExist, and the file is as it was.
func Create(path string, data []byte, mode fs.FileMode) error {
	if _, err := os.Lstat(path); err == nil {
		return exists(path)
	}
	tmp, err := writeTemp(path, data, mode)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	err = os.Link(tmp, path) // unlike a rename, it does not replace
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist):
		return exists(path)
	}
	return os.Rename(tmp, path) // a file system without hard links
}

func exists(path string) error {
	return fmt.Errorf("%s: %w", path, fs.ErrExist)
}

// writeTemp writes data to a new file beside path, and to the disk.
func writeTemp(path string, data []byte, mode fs.FileMode) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return "", err
	}
	if mode&0o077 == 0 {
		err = Own(f.Name()) // before there is anything to read: on Windows no mode does it
	}
	if err == nil {
		_, err = f.Write(data)
	}
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		os.Remove(f.Name())
		return "", fmt.Errorf("write %s: %w", path, err)
	}
	return f.Name(), nil
}
