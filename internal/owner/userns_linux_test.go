package owner_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/socksctl/socksctl/internal/owner"
)

// TestUnmappedUser runs a Gate in a user namespace in which this process has no
// uid, so that it could not be told from others who have none, and in one in
// which it has.
func TestUnmappedUser(t *testing.T) {
	const inside = "OWNER_IS_INSIDE"
	if os.Getenv(inside) != "" {
		_, err := owner.NewGate()
		if unmapped := os.Getenv(inside) == "unmapped"; unmapped != (err != nil && strings.Contains(err.Error(), "uid")) {
			t.Errorf("as uid %d: got %v", os.Geteuid(), err)
		}
		return
	}
	for name, maps := range map[string][]syscall.SysProcIDMap{
		"mapped":   {{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		"unmapped": nil,
	} {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestUnmappedUser$")
		cmd.Env = append(os.Environ(), inside+"="+name)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: maps}
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skipf("needs user namespaces: %v", err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, &out)
		}
	}
}
