package release

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// root is the repository, as seen from here.
const root = "../.."

// skipped is what a snapshot leaves out: what goes elsewhere, which the release of
// TestPublish does.
const skipped = "--skip=publish,sign,docker"

// TestMain gives the tests a temporary directory of their own, which other users can
// enter: programs are started as such.
func TestMain(m *testing.M) {
	status, err := runInside(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(status)
}

func runInside(m *testing.M) (status int, err error) {
	dir, err := os.MkdirTemp("", "release-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := errors.Join(os.Chmod(dir, 0o755), os.Setenv("TMPDIR", dir)); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// goreleaser is the path of the one that go.mod pins.
var goreleaser = sync.OnceValues(func() (string, error) { return tool("goreleaser") })

// tool returns the path of a tool that go.mod pins.
func tool(name string) (string, error) {
	out, err := output(exec.Command("go", "tool", "-n", name))
	return strings.TrimSpace(out), err
}

// first is the directory of a release.
var first = sync.OnceValues(func() (string, error) { return build("checkout") })

// snapshot returns the directory of a release, which all tests share.
func snapshot(t *testing.T) string {
	t.Helper()
	dir, err := first()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// build makes a release from a checkout in a directory of that name, with variables of
// the environment added.
func build(name string, environ ...string) (dist string, err error) {
	program, err := goreleaser()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(os.TempDir(), name)
	if _, err := output(exec.Command("git", "clone", "-q", root, dir)); err != nil {
		return "", err
	}
	cmd := exec.Command(program, "release", "--snapshot", "--clean", skipped)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), environ...)
	_, err = output(cmd)
	return filepath.Join(dir, "dist"), err
}

// output runs a program to its end, and returns what it printed. Its error has what it
// complained of.
func output(cmd *exec.Cmd) (string, error) {
	var stderr strings.Builder
	if cmd.Stderr == nil {
		cmd.Stderr = &stderr
	}
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s%s", strings.Join(cmd.Args, " "), err, out, &stderr)
	}
	return string(out), nil
}

// must is output for what has to succeed.
func must(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := output(cmd)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// commit returns what git says of the commit that is released, by a format of its log.
func commit(t *testing.T, format string) string {
	t.Helper()
	return strings.TrimSpace(must(t, exec.Command("git", "-C", filepath.Dir(snapshot(t)), "log", "-1", "--format="+format)))
}

// lacking ends a test that cannot run here. In CI that is a failure.
func lacking(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// program finds a program that is no part of this repository.
func program(t *testing.T, name, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		lacking(t, name+" is missing: install the Debian package "+debianPackage)
	}
	return path
}
