//go:build linux

package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// apart prepares a program that sees a copy of this system's files, which goes when it
// ends, and a network of its own. Only root may do that.
func apart(t *testing.T, script string, args ...string) *exec.Cmd {
	t.Helper()
	if os.Getuid() != 0 {
		lacking(t, "only root can lay a file system over another")
	}
	for _, name := range []string{"unshare", "mount", "chroot"} {
		program(t, name, "util-linux, mount and coreutils")
	}
	inside := `set -eu
		mount -t tmpfs scratch "$1" && mkdir "$1/upper" "$1/work" "$1/root"
		mount -t overlay over -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
		mount --rbind /dev "$1/root/dev" && mount -t proc proc "$1/root/proc"
		mount -t tmpfs tmp "$1/root/tmp" && mount -t tmpfs run "$1/root/run" && chmod 1777 "$1/root/tmp"
		dir=$1 && shift && mkdir "$dir/root/tmp/files"
		for file; do cp "$file" "$dir/root/tmp/files/"; shift; set -- "$@" "/tmp/files/${file##*/}"; done
		exec chroot "$dir/root" "$@"`
	return exec.Command("unshare", append([]string{"--mount", "--net", "--pid", "--fork", "--kill-child",
		"sh", "-c", inside, "sh", t.TempDir(), script}, args...)...)
}

// A package is installed, its service started and asked, upgraded and purged, and
// leaves nothing.
func TestLifecycle(t *testing.T) {
	for name, pkg := range map[string]string{"dpkg": "dpkg", "curl": "curl", "setpriv": "util-linux", "ip": "iproute2", "man": "man-db"} {
		program(t, name, pkg)
	}
	deb := one(t, "socksctl_*_amd64.deb")
	out := must(t, apart(t, "testdata/lifecycle", deb))
	if !strings.HasSuffix(out, "\npurged\n") {
		t.Errorf("got %s", out)
	}
	t.Log(out)
}

// So is one for Fedora and its kin, by its scripts.
func TestLifecycleRPM(t *testing.T) {
	program(t, "rpm", "rpm")
	out := must(t, apart(t, "testdata/rpm", one(t, "socksctl-*.x86_64.rpm"), filepath.Join(release(t).dir, "dist/socksctl-1.2.3-1.x86_64.rpm")))
	if !strings.HasSuffix(out, "\nerased\n") {
		t.Errorf("got %s", out)
	}
}

// The program runs where there is nothing but itself, as a user without a name, and
// where nothing can be written: as in its image.
func TestBareRoot(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "socksctl"), archive(t, "linux", "amd64")["socksctl"].data, 0o755); err != nil {
		t.Fatal(err)
	}
	out := must(t, apart(t, "testdata/bare", filepath.Join(dir, "socksctl")))
	t.Log(out)
}
