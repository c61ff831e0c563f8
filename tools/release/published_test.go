package release

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// downloads is where a release is downloaded from.
const downloads = "https://github.com/socksctl/socksctl/releases/download/"

// checksums reads the list of what is published.
func checksums(t *testing.T) map[string]string {
	t.Helper()
	text := read(t, one(t, "checksums.txt"))
	all := make(map[string]string)
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 2 {
			t.Fatalf("checksums.txt has the line %q", line)
		}
		all[fields[1]] = fields[0]
	}
	return all
}

// The list has the archives, packages and lists of modules, no more and no fewer, as they are.
func TestChecksums(t *testing.T) {
	all := checksums(t)
	for name, want := range all {
		if got := sum(t, filepath.Join(snapshot(t), name)); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	kinds := make(map[string]int)
	for name := range all {
		kinds[strings.TrimPrefix(filepath.Ext(name), ".")]++
	}
	if want := map[string]int{"gz": 6, "zip": 2, "deb": 2, "rpm": 2, "json": 8}; !maps.Equal(kinds, want) {
		t.Errorf("got %v, want %v: %q", kinds, want, slices.Sorted(maps.Keys(all)))
	}
}

// checkDownload holds a URL to name an archive that is published, and its sum.
func checkDownload(t *testing.T, url, sum string) {
	t.Helper()
	rest, ok := strings.CutPrefix(url, downloads)
	if !ok {
		t.Errorf("%s is not below %s", url, downloads)
	}
	if want := checksums(t)[filepath.Base(rest)]; want == "" || !strings.EqualFold(sum, want) {
		t.Errorf("%s: got the checksum %s, want %s", url, sum, want)
	}
}

// The cask has an archive for each Mac and each Linux, and names only files that are
// in it.
func TestCask(t *testing.T) {
	path := one(t, "homebrew/Casks/socksctl.rb")
	text := read(t, path)
	version := regexp.MustCompile(`(?m)^  version "(.+)"$`).FindStringSubmatch(text)
	if version == nil {
		t.Fatalf("no version in\n%s", text)
	}
	archives := regexp.MustCompile(`sha256 "(\w+)"\s+url "([^"]+)",\s+verified: "github.com/socksctl/socksctl/releases/download"`).FindAllStringSubmatch(text, -1)
	if len(archives) != 4 {
		t.Errorf("got %d archives, want 4:\n%s", len(archives), text)
	}
	for _, a := range archives {
		checkDownload(t, strings.ReplaceAll(a[2], "#{version}", version[1]), a[1])
	}
	files := archive(t, "darwin", "arm64")
	named := regexp.MustCompile(`(?m)^  (?:binary|manpage|\w+_completion) "([^"]+)"`).FindAllStringSubmatch(text, -1)
	for _, name := range named {
		if _, ok := files[name[1]]; !ok {
			t.Errorf("the cask names %s, which is not in the archive", name[1])
		}
	}
	pages := slices.DeleteFunc(slices.Collect(maps.Keys(files)), func(name string) bool { return !strings.HasPrefix(name, "man/") })
	if want := 1 + len(pages) + 3; len(named) != want {
		t.Errorf("got %d files, want %d: the program, each manual page, three completions", len(named), want)
	}
	if ruby, err := exec.LookPath("ruby"); err == nil {
		must(t, exec.Command(ruby, "-c", path))
	}
}

// Scoop's manifest has an archive for each kind of machine.
func TestScoop(t *testing.T) {
	var manifest struct {
		Version, License string
		Architecture     map[string]struct {
			URL, Hash string
			Bin       []string
		}
	}
	if err := json.Unmarshal([]byte(read(t, one(t, "scoop/bucket/socksctl.json"))), &manifest); err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(manifest.Architecture)); !slices.Equal(got, []string{"64bit", "arm64"}) || manifest.License != "MIT" {
		t.Errorf("got %+v", manifest)
	}
	for _, a := range manifest.Architecture {
		checkDownload(t, a.URL, a.Hash)
		if !slices.Equal(a.Bin, []string{"socksctl.exe"}) {
			t.Errorf("bin: got %q", a.Bin)
		}
	}
}

// So does winget's, and its three files are of one version.
func TestWinget(t *testing.T) {
	type manifest struct {
		PackageIdentifier, PackageVersion, License, ShortDescription string
		Installers                                                   []struct {
			Architecture, InstallerUrl, InstallerSha256 string
			NestedInstallerFiles                        []struct{ RelativeFilePath, PortableCommandAlias string }
		}
	}
	pattern := "winget/manifests/s/socksctl/socksctl/*/socksctl.socksctl"
	versions := make(map[string]bool)
	var installer manifest
	for _, kind := range []string{".yaml", ".locale.en-US.yaml", ".installer.yaml"} {
		var m map[string]any
		text := read(t, one(t, pattern+kind))
		if err := yaml.Unmarshal([]byte(text), &m); err != nil {
			t.Fatal(err)
		}
		encoded, err := json.Marshal(m) // whose names fold the case
		if err != nil {
			t.Fatal(err)
		}
		installer = manifest{}
		if err := json.Unmarshal(encoded, &installer); err != nil {
			t.Fatal(err)
		}
		versions[installer.PackageVersion] = true
		if installer.PackageIdentifier != "socksctl.socksctl" {
			t.Errorf("%s: got\n%s", kind, text)
		}
	}
	if len(versions) != 1 || len(installer.Installers) != 2 {
		t.Fatalf("got versions %v and %+v", versions, installer)
	}
	for _, i := range installer.Installers {
		checkDownload(t, i.InstallerUrl, i.InstallerSha256)
		if got := i.NestedInstallerFiles; len(got) != 1 || got[0].RelativeFilePath != "socksctl.exe" || got[0].PortableCommandAlias != "socksctl" {
			t.Errorf("%s: got %+v", i.Architecture, got)
		}
	}
}

// The notes of a release are its section of CHANGELOG.md.
func TestNotes(t *testing.T) {
	got := must(t, exec.Command("./notes", "vUnreleased"))
	if !strings.HasPrefix(got, "\n### ") || strings.Contains(got, "\n## ") {
		t.Errorf("got %q", got)
	}
	if _, err := output(exec.Command("./notes", "v999.0.0")); err == nil || !strings.Contains(err.Error(), "CHANGELOG.md says nothing of 999.0.0") {
		t.Errorf("got %v", err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
