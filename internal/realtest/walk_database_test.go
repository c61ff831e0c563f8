//go:build linux

package realtest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// database starts a PostgreSQL on the internet, which does not run as root.
func (w *world) database(t *testing.T) {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres") // the pattern is good
	if len(found) == 0 {
		lacking(t, "postgres is missing: install the Debian package postgresql")
	}
	dir, bin := t.TempDir(), filepath.Dir(found[0])
	for d := dir; d != os.TempDir(); d = filepath.Dir(d) { // the test's directory, for another user
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mustRun(t, command("chown", "postgres:", dir))
	data := filepath.Join(dir, "data")
	other := []string{"--reuid=postgres", "--regid=postgres", "--clear-groups"}
	mustRun(t, command("setpriv", append(other, filepath.Join(bin, "initdb"), "-D", data, "-A", "trust", "--no-sync")...))
	writeFile(t, filepath.Join(data, "pg_hba.conf"), "host all all "+serverPublic+"/32 trust\n")
	mustRun(t, command("chown", "postgres:", filepath.Join(data, "pg_hba.conf")))
	args := append([]string{internet, "setpriv"}, other...)
	cmd := command("nsenter", append(args, filepath.Join(bin, "postgres"), "-D", data, "-k", dir,
		"-c", "listen_addresses="+originAddr, "-c", "fsync=off")...)
	cmd.Dir = dir
	startCommand(t, cmd).await(t, regexp.MustCompile("ready to accept connections"), 1)
}
