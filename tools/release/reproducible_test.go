package release

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The configuration is one that goreleaser takes, without what it calls deprecated.
func TestConfiguration(t *testing.T) {
	path, err := goreleaser()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "check", "--quiet")
	cmd.Dir = root
	must(t, cmd)
}

// A second release of the same commit, in another directory, another time zone and
// another locale, has the same bytes.
func TestReproducible(t *testing.T) {
	one := sums(t, snapshot(t))
	dist, err := build("somewhere/else", "TZ=Asia/Kathmandu", "LC_ALL=C", "HOME="+home(t))
	if err != nil {
		t.Fatal(err)
	}
	two := sums(t, dist)
	if got, want := slices.Sorted(maps.Keys(two)), slices.Sorted(maps.Keys(one)); !slices.Equal(got, want) {
		t.Errorf("got files\n%q\nwant\n%q", got, want)
	}
	for name, sum := range one {
		if two[name] != sum {
			t.Errorf("%s is not the same", name)
		}
	}
	if len(one) < 8*3+4 {
		t.Errorf("got %d files: %q", len(one), slices.Sorted(maps.Keys(one)))
	}
}

// home returns another home directory, with the caches of this one.
func home(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} {
		t.Setenv(name, strings.TrimSpace(must(t, exec.Command("go", "env", name))))
	}
	return t.TempDir()
}

// The compiler is asked twice too: nothing in the program depends on where it was
// compiled, and the cache of compiled packages had no part in it.
func TestCompiledTwice(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles all packages")
	}
	dir := filepath.Join(t.TempDir(), "checkout")
	must(t, exec.Command("git", "clone", "-q", root, dir))
	version := strings.TrimPrefix(filepath.Base(one(t, "socksctl_*_linux_amd64.tar.gz")), "socksctl_")
	version, _, _ = strings.Cut(version, "_")
	again := filepath.Join(t.TempDir(), "socksctl")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=true",
		"-ldflags", "-s -w -X main.version=v"+version, "-o", again, "./cmd/socksctl")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOCACHE="+t.TempDir(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	must(t, cmd)
	if sum(t, again) != sum(t, one(t, "socksctl_linux_amd64*/socksctl")) {
		t.Error("compiled anew, it is another program")
	}
}

// one returns the only file of the release that a pattern matches.
func one(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(snapshot(t), pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: got %q, %v, want one file", pattern, found, err)
	}
	return found[0]
}

// sums returns the checksums of the files below a directory, without the notes of
// goreleaser's own, which name directories and the hour.
func sums(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if !slices.Contains([]string{"artifacts.json", "config.yaml", "metadata.json"}, name) {
			all[name] = sum(t, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func sum(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(path, ".installer.yaml") {
		b = settled(b)
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// settled returns winget's list of installers without the day of the release and in
// order: goreleaser has them as its builds came to an end.
func settled(manifest []byte) []byte {
	lines := strings.Split(string(manifest), "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "ReleaseDate: ") })
	slices.Sort(lines)
	return []byte(strings.Join(lines, "\n"))
}
