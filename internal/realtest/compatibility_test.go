//go:build linux

package realtest_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tables of docs/compatibility.md")

// hereAlone keeps to this host what a browser does of its own accord.
const hereAlone = `[global]
default_policy = "block"
[[users]]
name = "*"
[[users.rules]]
action = "allow"
destinations = ["localhost", "127.0.0.1"]
`

const compatibilityPage = "../../docs/compatibility.md"

// trial is another program beside socksctl, and a line of docs/compatibility.md.
type trial struct {
	name    string
	version func(t *testing.T) string
	works   string // what try has seen to work
	lacks   string // what try has seen not to, and why
	try     func(t *testing.T, r rig)
}

// row is the line of a trial that went well.
func (tr trial) row(version string) string {
	return fmt.Sprintf("| %s | %s | %s | %s |", tr.name, version, tr.works, tr.lacks)
}

// rig is what the programs work with: a server, a forwarder to its other listener by
// mutual TLS, and a web server.
type rig struct {
	server
	forwarder, origin string
}

// both runs f with the address of the server's plain listener, and with that of the
// forwarder.
func (r rig) both(t *testing.T, f func(t *testing.T, proxy string)) {
	t.Helper()
	t.Run("direct", func(t *testing.T) { f(t, r.plain) })
	t.Run("forwarder", func(t *testing.T) { f(t, r.forwarder) })
}

// page is the URL of so many bytes of the web server's.
func (r rig) page(n int64) string { return fmt.Sprintf("http://localhost:%s/%d", r.origin, n) }

// fetch runs a program that prints a page of n bytes.
func (r rig) fetch(t *testing.T, cmd *exec.Cmd, n int64) {
	t.Helper()
	got, err := checksum(strings.NewReader(mustRun(t, cmd)))
	if err != nil || got != streamChecksum(n) {
		t.Errorf("%s: got %s (%v), want %s", cmd.Args[0], got, err, streamChecksum(n))
	}
}

// versionOf returns the version that a program of a Debian package prints.
func versionOf(name, debianPackage string, args ...string) func(t *testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		r := run(t, command(program(t, name, debianPackage), args...)) // some fail when asked so
		version := regexp.MustCompile(`\d+(\.\d+)+(p\d+)?`).FindString(r.stdout + r.stderr)
		if version == "" {
			t.Fatalf("%s tells no version: %q", name, r.stdout+r.stderr)
		}
		return version
	}
}

// packaged returns the version of a Debian package whose program does not tell.
func packaged(name string) func(t *testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		r := run(t, command(program(t, "dpkg-query", "dpkg"), "-W", "-f", "${Version}", name))
		return regexp.MustCompile(`\d+(\.\d+)*`).FindString(r.stdout)
	}
}

// The tables of docs/compatibility.md are what comes of the programs in them; their
// versions are those of the system on which the page was written.
func TestCompatibilityUDPBINDMutualTLS(t *testing.T) {
	ports := fmt.Sprintf("%d-%d", firstBindPort, lastBindPort)
	r := rig{server: serve(t, "--port-range", ports, "--acl", writeFile(t, filepath.Join(t.TempDir(), "rules.toml"), hereAlone)), origin: newOrigin(t)}
	r.forwarder = r.server.forward(t)
	page, err := os.ReadFile(compatibilityPage)
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	for section, trials := range map[string][]trial{"clients": clientTrials(), "servers": serverTrials()} {
		text = r.section(t, text, section, trials)
	}
	if *update && !t.Failed() {
		if err := os.WriteFile(compatibilityPage, []byte(text), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// section makes the trials of a section of the page, and returns the page with what
// came of them. Unless it is to be written, it has to say so already.
func (r rig) section(t *testing.T, page, name string, trials []trial) string {
	t.Helper()
	begin, end := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->\n"
	before, rest, found := strings.Cut(page, begin)
	written, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no section %s", compatibilityPage, name)
	}
	rows := []string{"| program | version | works | does not, and why |", "|---|---|---|---|"}
	for _, one := range trials {
		version := ""
		t.Run(one.name, func(t *testing.T) {
			tried := one.version(t)
			one.try(t, r)
			version = tried
		})
		if version == "" && *update {
			t.Errorf("%s was not tried: the page stays as it is", one.name)
		}
		rows = append(rows, one.row(version))
	}
	if !*update {
		compareRows(t, rows, strings.Split(strings.TrimSuffix(written, "\n"), "\n"))
	}
	return before + begin + strings.Join(rows, "\n") + "\n" + end + after
}

// compareRows compares all of two tables but the versions.
func compareRows(t *testing.T, got, written []string) {
	t.Helper()
	unversioned := func(row string) string {
		if cells := strings.Split(row, "|"); len(cells) > 3 {
			return strings.Join(slices.Delete(cells, 2, 3), "|")
		}
		return row
	}
	for i, row := range got {
		if i >= len(written) || unversioned(row) != unversioned(written[i]) {
			t.Errorf("%s is not what the tests have seen: run them with -update\n%s", compatibilityPage, row)
		}
	}
	if len(written) > len(got) {
		t.Errorf("%s has %d rows, want %d", compatibilityPage, len(written), len(got))
	}
}
