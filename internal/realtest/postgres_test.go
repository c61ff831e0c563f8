//go:build linux

package realtest_test

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/pgtest"
)

// databases starts a PostgreSQL server for a test.
func databases(t *testing.T) *pgtest.Cluster {
	t.Helper()
	c := new(pgtest.Cluster)
	t.Cleanup(func() {
		if err := c.Remove(); err != nil {
			t.Error(err)
		}
	})
	switch err := c.Make(); {
	case errors.Is(err, pgtest.ErrMissing):
		lacking(t, err.Error())
	case err != nil:
		t.Fatal(err)
	}
	return c
}

// either is a status that may be any.
const either = -1

// databasePassword is what nothing may show.
const databasePassword = "hunter2"

// kept is a server that writes to a database, which takes a password of it.
type kept struct {
	*process
	*pgtest.Cluster
	place, admin string          // without the password
	inURL, file  string          // variables that have it
	said         strings.Builder // all that the commands said
}

func newKept(t *testing.T) *kept {
	t.Helper()
	k := &kept{Cluster: databases(t)}
	k.exec(t, "CREATE ROLE proved LOGIN PASSWORD '"+databasePassword+"'")
	k.exec(t, "CREATE DATABASE sessions OWNER proved")
	dir := runtimeDir(t)
	k.place, k.admin = k.URL("proved", "sessions"), filepath.Join(dir, "a")
	k.inURL = "SOCKSCTL_HISTORY_URL=" + strings.Replace(k.place, "proved@", "proved:"+databasePassword+"@", 1)
	k.file = "PGPASSFILE=" + writeFile(t, filepath.Join(dir, "pgpass"), "*:*:*:proved:"+databasePassword+"\n")
	serve := command(socksctl(t), "serve", "--listen", "127.0.0.1:0", "--node", "edge1", "--admin", "unix:"+k.admin, "--log-level", "debug")
	serve.Env = append(serve.Env, k.inURL)
	k.process = startCommand(t, serve)
	return k
}

func (k *kept) exec(t *testing.T, statement string) {
	t.Helper()
	if err := k.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// ask runs a command with a variable, and returns all that it says.
func (k *kept) ask(t *testing.T, status int, env string, args ...string) string {
	t.Helper()
	cmd := command(socksctl(t), args...)
	cmd.Env = append(cmd.Env, env)
	r := run(t, cmd)
	k.said.WriteString(r.stdout + r.stderr)
	if got := exitStatus(r.err); got != status && status != either {
		t.Errorf("%s: got status %d, want %d\n%s", strings.Join(args, " "), got, status, r.stderr)
	}
	return r.stdout + r.stderr
}

// written waits until so many sessions are in the database.
func (k *kept) written(t *testing.T, n int) {
	t.Helper()
	for limit := time.Now().Add(startLimit); ; {
		list := k.ask(t, either, k.file, "sessions", "history", "--history", k.place, "--status", "ok", "--json")
		got := strings.Count(list, `"node":"edge1"`)
		if got == n {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%d sessions are written down, want %d", got, n)
		}
	}
}

// A server writes to a database that is given a password, goes on while that is
// away, and is not ready then; the commands read it; the password is seen nowhere.
func TestHistoryInPostgres(t *testing.T) {
	k, to := newKept(t), newEchoes(t)
	d := &client.Dialer{Address: k.addresses(t, 1)[0]}
	if err := reach(d, to); err != nil {
		t.Fatal(err)
	}
	k.written(t, 1)
	if err := k.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := reach(d, to); err != nil {
		t.Errorf("without its store: %v", err)
	}
	k.await(t, regexpOf(`level=WARN msg="history: cannot write, and tries on"`), 1)
	if got := statusOf(t, k.admin, "/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("readyz without the store: got %d, want 503", got)
	}
	if err := k.Start(); err != nil {
		t.Fatal(err)
	}
	k.await(t, regexpOf(`msg="history: writing again" lost=0`), 1)
	if got := statusOf(t, k.admin, "/readyz"); got != http.StatusOK {
		t.Errorf("readyz with the store: got %d, want 200", got)
	}
	k.written(t, 2)
	k.ask(t, 0, k.inURL, "config", "print")
	k.ask(t, 0, k.inURL, "sessions", "history")
	k.ask(t, 0, k.file, "sessions", "history", "--history", k.place, "--total", "destination")
	if cmdline := readFile(t, fmt.Sprintf("/proc/%d/cmdline", k.cmd.Process.Pid)); strings.Contains(cmdline, databasePassword) {
		t.Errorf("the command line has the password: %q", cmdline)
	}
	k.stop(t)
	if text := k.said.String() + k.process.said.String(); strings.Contains(text, databasePassword) {
		t.Errorf("the password is in\n%s", text)
	}
	wrong := k.ask(t, 1, strings.Replace(k.inURL, databasePassword, "hunter3", 1), "sessions", "history")
	if !strings.Contains(wrong, "password authentication failed") || strings.Contains(wrong, "hunter3") {
		t.Errorf("with a wrong password: got %s", wrong)
	}
	k.restored(t)
}

// restored dumps the database to another, and reads that.
func (k *kept) restored(t *testing.T) {
	t.Helper()
	dump := filepath.Join(t.TempDir(), "dump")
	mustRun(t, command(k.Program("pg_dump"), "--format=custom", "--file="+dump, k.URL("tester", "sessions")))
	k.exec(t, "CREATE DATABASE restored")
	mustRun(t, command(k.Program("pg_restore"), "--dbname="+k.URL("tester", "restored"), dump))
	if got := len(historyOf(t, k.URL("tester", "restored"))); got != 2 {
		t.Errorf("%d sessions are in what was restored, want 2", got)
	}
}
