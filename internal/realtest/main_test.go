//go:build linux

package realtest_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// TestMain gives the tests a temporary directory of their own, which other
// users can enter: the servers that the tests start give up their privileges.
func TestMain(m *testing.M) {
	status, err := runInside(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(status)
}

func runInside(m *testing.M) (status int, err error) {
	dir, err := os.MkdirTemp("", "realtest-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := errors.Join(os.Chmod(dir, 0o755), os.Setenv("TMPDIR", dir)); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// built is the path of the program under test, built with the race detector if
// the test is.
var built = sync.OnceValues(func() (string, error) {
	if err := lookAtModule(); err != nil {
		return "", err
	}
	bin := filepath.Join(os.TempDir(), "bin") + "/" // a directory, that is
	args := []string{"build", "-o", bin}
	if raceDetector {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "github.com/socksctl/socksctl/cmd/socksctl")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build socksctl: %w\n%s", err, out)
	}
	return bin + "socksctl", nil
})

// lookAtModule opens each folder of the module, for the go command counts what a test
// binary opens among that on which a cached result depends. Else a result would outlive
// a change of the program, which other processes build, and of the documents that they read.
func lookAtModule() error {
	return filepath.WalkDir(filepath.Join("..", ".."), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == ".git" {
			return filepath.SkipDir
		}
		return err
	})
}

func socksctl(t *testing.T) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
