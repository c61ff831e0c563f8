package release

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// member is a file of an archive.
type member struct {
	mode  fs.FileMode
	owner string // in a tar
	at    time.Time
	data  []byte
}

// Each system has an archive with the program and all that goes with it, nothing of
// whoever built it, and the date of the commit.
func TestArchives(t *testing.T) {
	at, err := time.Parse(time.RFC3339, commit(t, "%cI"))
	if err != nil {
		t.Fatal(err)
	}
	for _, os := range []string{"linux", "darwin", "freebsd", "windows"} {
		for _, arch := range []string{"amd64", "arm64"} {
			t.Run(os+"/"+arch, func(t *testing.T) {
				files := archive(t, os, arch)
				checkNames(t, os, slices.Sorted(maps.Keys(files)))
				for name, m := range files {
					if want := modeOf(os, name); m.mode != want || m.owner != "root" || !m.at.Equal(at) {
						t.Errorf("%s: got mode %v of %s, at %s, want %v of root, at %s", name, m.mode, m.owner, m.at, want, at)
					}
				}
				checkProgram(t, os, arch, files[executable(os)].data)
			})
		}
	}
}

// checkNames compares the names in an archive, but for the manual pages of each
// command, which TestManualPages counts.
func checkNames(t *testing.T, os string, names []string) {
	t.Helper()
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, "man/socksctl-") })
	want := []string{"CHANGELOG.md", "LICENSE", "LICENSES.txt", "README.md", "config.example.toml"}
	if os == "windows" {
		want = append(want, "completions/socksctl.ps1")
	} else {
		want = append(want, "completions/_socksctl", "completions/socksctl.bash", "completions/socksctl.fish", "man/socksctl.1.gz")
	}
	want = append(want, executable(os))
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("got  %q\nwant %q", names, want)
	}
}

func executable(os string) string {
	if os == "windows" {
		return "socksctl.exe"
	}
	return "socksctl"
}

func modeOf(os, name string) fs.FileMode {
	if name == executable(os) {
		return 0o755
	}
	return 0o644
}

// checkProgram looks at the program of a system: it is for that system, of this
// commit, and takes nothing but the kernel where that is possible.
func checkProgram(t *testing.T, os, arch string, data []byte) {
	t.Helper()
	r := bytes.NewReader(data)
	info, err := buildinfo.Read(r)
	if err != nil {
		t.Fatal(err)
	}
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	for key, want := range map[string]string{
		"GOOS": os, "GOARCH": arch, "CGO_ENABLED": "0", "-trimpath": "true",
		"vcs.revision": commit(t, "%H"), "vcs.modified": "false",
	} {
		if settings[key] != want {
			t.Errorf("%s: got %q, want %q", key, settings[key], want)
		}
	}
	if bytes.Contains(data, []byte(filepath.Dir(snapshot(t)))) {
		t.Error("the program knows the directory that it was built in")
	}
	switch os {
	case "linux", "freebsd":
		checkStatic(t, r)
	case "darwin":
		if _, err := macho.NewFile(r); err != nil {
			t.Error(err)
		}
	case "windows":
		if _, err := pe.NewFile(r); err != nil {
			t.Error(err)
		}
	}
}

func checkStatic(t *testing.T, r io.ReaderAt) {
	t.Helper()
	f, err := elf.NewFile(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("a program that is linked statically has no %v", p.Type)
		}
	}
}

// The program for this machine says which version it is, and what the archive has
// beside it is what it writes itself.
func TestProgram(t *testing.T) {
	dir := t.TempDir()
	files := archive(t, "linux", "amd64")
	path := filepath.Join(dir, "socksctl")
	if err := os.WriteFile(path, files["socksctl"].data, 0o755); err != nil {
		t.Fatal(err)
	}
	got := must(t, exec.Command(path, "version"))
	if ok, _ := regexp.MatchString(`^socksctl v\d+\.\d+\.\d+-next\.`+commit(t, "%h")[:7]+`\w* go1\.\S+ linux/amd64\n$`, got); !ok {
		t.Errorf("version: got %q", got)
	}
	for name, args := range map[string][]string{
		"completions/socksctl.bash": {"completion", "bash"},
		"completions/_socksctl":     {"completion", "zsh"},
		"completions/socksctl.fish": {"completion", "fish"},
		"config.example.toml":       {"config", "init"},
	} {
		if got := must(t, exec.Command(path, args...)); got != string(files[name].data) {
			t.Errorf("%s is not what %q writes", name, args)
		}
	}
	checkPages(t, path, files)
}

// checkPages compares the manual pages with those that the program writes.
func checkPages(t *testing.T, path string, files map[string]member) {
	t.Helper()
	dir := t.TempDir()
	must(t, exec.Command(path, "man", dir))
	pages, err := os.ReadDir(dir)
	if err != nil || len(pages) < 30 {
		t.Fatalf("got %d pages, %v", len(pages), err)
	}
	for _, page := range pages {
		want, err := os.ReadFile(filepath.Join(dir, page.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if got := unpack(t, files["man/"+page.Name()+".gz"].data); !bytes.Equal(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", page.Name(), got, want)
		}
	}
}

// archive reads the archive for a system.
func archive(t *testing.T, os, arch string) map[string]member {
	t.Helper()
	if os == "windows" {
		return readZip(t, one(t, "socksctl_*_windows_"+arch+".zip"))
	}
	return readTar(t, one(t, "socksctl_*_"+os+"_"+arch+".tar.gz"))
}

func readTar(t *testing.T, path string) map[string]member {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]member)
	for r := tar.NewReader(bytes.NewReader(unpack(t, data))); ; {
		h, err := r.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all[h.Name] = member{mode: h.FileInfo().Mode(), owner: h.Uname, at: h.ModTime, data: data}
	}
}

func readZip(t *testing.T, path string) map[string]member {
	t.Helper()
	r, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all := make(map[string]member)
	for _, f := range r.File {
		data, err := fs.ReadFile(r, f.Name)
		if err != nil {
			t.Fatal(err)
		}
		all[f.Name] = member{mode: f.Mode(), owner: "root", at: f.Modified, data: data}
	}
	return all
}

func unpack(t *testing.T, data []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	data, err = io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
