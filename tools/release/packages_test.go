package release

import (
	"archive/tar"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// packaged is what a package has, with the modes, but for the manual pages of each
// command.
func packaged(completions string) map[string]string {
	return map[string]string{
		"/etc/socksctl/config.toml":                          "-rw-r--r--",
		"/usr/bin/socksctl":                                  "-rwxr-xr-x",
		"/usr/lib/systemd/system/socksctl-forward.service":   "-rw-r--r--",
		"/usr/lib/systemd/system/socksctl-serve.service":     "-rw-r--r--",
		"/usr/lib/systemd/system/socksctl-serve.socket":      "-rw-r--r--",
		"/usr/lib/systemd/system/socksctl-serve@.service":    "-rw-r--r--",
		"/usr/lib/systemd/user/socksctl-forward.service":     "-rw-r--r--",
		"/usr/lib/sysusers.d/socksctl.conf":                  "-rw-r--r--",
		"/usr/lib/tmpfiles.d/socksctl.conf":                  "-rw-r--r--",
		"/usr/share/bash-completion/completions/socksctl":    "-rw-r--r--",
		"/usr/share/fish/vendor_completions.d/socksctl.fish": "-rw-r--r--",
		"/usr/share/zsh/" + completions + "/_socksctl":       "-rw-r--r--",
		"/usr/share/doc/socksctl/CHANGELOG.md":               "-rw-r--r--",
		"/usr/share/doc/socksctl/LICENSES.txt":               "-rw-r--r--",
		"/usr/share/doc/socksctl/README.md":                  "-rw-r--r--",
		"/usr/share/doc/socksctl/copyright":                  "-rw-r--r--",
		"/usr/share/man/man1/socksctl.1.gz":                  "-rw-r--r--",
	}
}

// checkPackaged compares what a package has with what it is to have.
func checkPackaged(t *testing.T, got map[string]string, completions string) {
	t.Helper()
	pages := 0
	maps.DeleteFunc(got, func(name, _ string) bool {
		page := strings.HasPrefix(name, "/usr/share/man/man1/socksctl-")
		if page {
			pages++
		}
		return page
	})
	if pages < 30 {
		t.Errorf("got %d manual pages", pages)
	}
	want := packaged(completions)
	for name, mode := range want {
		if got[name] != mode {
			t.Errorf("%s: got mode %q, want %q", name, got[name], mode)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("got %q besides", got)
	}
}

// The package for Debian has the program, the units and the user they run as, and
// keeps a configuration that was changed.
func TestDeb(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		path := one(t, "socksctl_*_"+arch+".deb")
		got := make(map[string]string)
		cmd := exec.Command(program(t, "dpkg-deb", "dpkg"), "--fsys-tarfile", path)
		for r := tar.NewReader(strings.NewReader(must(t, cmd))); ; {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if h.Typeflag != tar.TypeDir {
				got[strings.TrimPrefix(h.Name, ".")] = h.FileInfo().Mode().String()
			}
			if h.Uid != 0 || h.Gid != 0 || h.Uname != "root" {
				t.Errorf("%s: %s is of %s (%d:%d)", arch, h.Name, h.Uname, h.Uid, h.Gid)
			}
		}
		delete(got, "/usr/share/lintian/overrides/socksctl") // of Debian's own
		checkPackaged(t, got, "vendor-completions")
		field := func(name string) string {
			return strings.TrimSpace(must(t, exec.Command("dpkg-deb", "--field", path, name)))
		}
		if field("Architecture") != arch || field("Section") != "net" || field("Depends") != "" {
			t.Errorf("%s: got\n%s", arch, must(t, exec.Command("dpkg-deb", "--field", path)))
		}
		if got := must(t, exec.Command("dpkg-deb", "--info", path, "conffiles")); got != "/etc/socksctl/config.toml\n" {
			t.Errorf("%s: conffiles: got %q", arch, got)
		}
	}
}

// So does that for Fedora and its kin.
func TestRPM(t *testing.T) {
	rpm := program(t, "rpm", "rpm")
	query := func(path, format string) string {
		return must(t, exec.Command(rpm, "--query", "--package", "--nosignature", "--queryformat", format, path))
	}
	for _, arch := range []string{"x86_64", "aarch64"} {
		path := one(t, "socksctl-*."+arch+".rpm")
		got := make(map[string]string)
		for line := range strings.Lines(query(path, `[%{FILENAMES} %{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILEFLAGS:fflags}\n]`)) {
			f := strings.Fields(line + " -")
			got[f[0]] = f[1]
			if f[2] != "root:root" {
				t.Errorf("%s: %s is of %s", arch, f[0], f[2])
			}
			if kept := f[3] == "cn"; kept != (f[0] == "/etc/socksctl/config.toml") {
				t.Errorf("%s: %s: got flags %q", arch, f[0], f[3])
			}
		}
		checkPackaged(t, got, "site-functions")
		if got := query(path, `%{NAME} %{LICENSE} %{BUILDHOST} %{ARCH}`); got != "socksctl MIT localhost "+arch {
			t.Errorf("%s: got %q", arch, got)
		}
	}
}

// The units in a package start the program of the package.
func TestUnits(t *testing.T) {
	dir := t.TempDir()
	must(t, exec.Command(program(t, "dpkg-deb", "dpkg"), "--extract", one(t, "socksctl_*_amd64.deb"), dir))
	units := slices.DeleteFunc(slices.Collect(maps.Keys(packaged(""))), func(name string) bool { return !strings.HasSuffix(name, ".service") })
	starts := regexp.MustCompile(`(?m)^Exec\w+=([^ \n]+)`)
	for _, unit := range units {
		lines := starts.FindAllStringSubmatch(read(t, dir+unit), -1)
		if len(lines) == 0 {
			t.Errorf("%s starts nothing", unit)
		}
		for _, line := range lines {
			if _, err := os.Stat(dir + line[1]); err != nil {
				t.Errorf("%s: %v", unit, err)
			}
		}
	}
}
