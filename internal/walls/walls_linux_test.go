package walls_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/internal/walls"
)

// insideDir names the variable by which the test binary stands behind walls.
const insideDir = "SOCKSCTL_TEST_WALLS"

func TestMain(m *testing.M) {
	if dir := os.Getenv(insideDir); dir != "" {
		inside(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// inside raises walls around this process, for good, and prints what it can still
// do below dir.
func inside(dir string) {
	in := func(name string) string { return filepath.Join(dir, name) }
	err := walls.Raise(walls.Plan{
		Read: []string{in("read"), in("missing")}, Write: []string{in("write")}, Sockets: []string{in("sockets")},
		Execute: []string{in("execute"), "/bin", "/lib", "/lib64", "/usr"}, Devices: []string{"/dev/null"},
	})
	if errors.Is(err, walls.ErrUnsupported) {
		fmt.Println("unsupported")
		return
	}
	tell := func(what string, err error) {
		fmt.Println(what, err == nil)
		if err != nil && !errors.Is(err, fs.ErrPermission) {
			fmt.Println(what, err)
		}
	}
	tell("raise", err)
	for _, name := range []string{"read", "write", "sockets", "execute", "other"} {
		_, err := os.ReadFile(in(name + "/file"))
		tell("read "+name, err)
		tell("write "+name, os.WriteFile(in(name+"/new"), nil, 0o600))
		tell("run "+name, exec.Command(in(name+"/program")).Run())
		l, err := net.Listen("unix", in(name+"/s"))
		tell("listen "+name, err)
		if err == nil {
			l.Close()
		}
	}
	tell("rename", os.Rename(in("write/file"), in("write/renamed")))
	tell("out", os.Rename(in("write/renamed"), in("other/renamed")))
	tell("null", os.WriteFile("/dev/null", []byte("x"), 0))
}

func TestRaise(t *testing.T) {
	dir, err := os.MkdirTemp("", "w")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, name := range []string{"read", "write", "sockets", "execute", "other"} {
		at := filepath.Join(dir, name)
		if err := errors.Join(os.Mkdir(at, 0o700), os.WriteFile(filepath.Join(at, "file"), nil, 0o600),
			os.WriteFile(filepath.Join(at, "program"), []byte("#!/bin/sh\n"), 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), insideDir+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if string(out) == "unsupported\n" {
		t.Skip("this kernel has no Landlock")
	}
	can := map[string]bool{
		"raise": true, "rename": true, "null": true, "read read": true, "read write": true, "write write": true,
		"listen sockets": true, "read execute": true, "run execute": true,
	}
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		at := strings.LastIndex(line, " ")
		what, done := line[:at], line[at+1:]
		if done != fmt.Sprint(can[what]) {
			t.Errorf("%s: got %s, want %v", what, done, can[what])
		}
	}
	if got := strings.Count(string(out), "\n"); got != 24 {
		t.Errorf("got %d lines, want 24:\n%s", got, out)
	}
}
