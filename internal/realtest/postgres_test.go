//go:build linux

package realtest_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
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

// A server writes to a database that is given a password, goes on while that is
// away, and is not ready then; the commands read it; the password is seen nowhere.
func TestHistoryInPostgres(t *testing.T) {
	const (
		password = "hunter2"
		either   = -1 // status
	)
	c, to := databases(t), newEchoes(t)
	for _, statement := range []string{"CREATE ROLE proved LOGIN PASSWORD '" + password + "'", "CREATE DATABASE sessions OWNER proved"} {
		if err := c.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	dir := runtimeDir(t)
	admin, place := filepath.Join(dir, "a"), c.URL("proved", "sessions")
	inFile := "PGPASSFILE=" + writeFile(t, filepath.Join(dir, "pgpass"), "*:*:*:proved:"+password+"\n")
	var said strings.Builder // all that anything said
	socks := func(status int, env string, args ...string) string {
		t.Helper()
		cmd := command(socksctl(t), args...)
		cmd.Env = append(cmd.Env, env)
		r := run(t, cmd)
		said.WriteString(r.stdout + r.stderr)
		if got := exitStatus(r.err); got != status && status >= 0 {
			t.Errorf("%s: got status %d, want %d\n%s", strings.Join(args, " "), got, status, r.stderr)
		}
		return r.stdout + r.stderr
	}
	inURL := "SOCKSCTL_HISTORY_URL=" + strings.Replace(place, "proved@", "proved:"+password+"@", 1)
	serve := command(socksctl(t), "serve", "--listen", "127.0.0.1:0", "--node", "edge1", "--admin", "unix:"+admin, "--log-level", "debug")
	serve.Env = append(serve.Env, inURL)
	p := startCommand(t, serve)
	d := &client.Dialer{Address: p.addresses(t, 1)[0]}
	written := func(n int) {
		t.Helper()
		for limit := time.Now().Add(startLimit); ; {
			got := strings.Count(socks(either, inFile, "sessions", "history", "--history", place, "--status", "ok", "--json"), `"node":"edge1"`)
			if got == n {
				return
			}
			if time.Now().After(limit) {
				t.Fatalf("%d sessions are written down, want %d", got, n)
			}
		}
	}
	ready := func() {
		for limit := time.Now().Add(startLimit); statusOf(t, admin, "/readyz") != http.StatusOK; {
			if time.Now().After(limit) {
				t.Fatal("not ready")
			}
		}
	}
	if err := reach(d, to); err != nil {
		t.Fatal(err)
	}
	p.await(t, regexpOf("msg=session id=1"), 1)
	written(1)
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := reach(d, to); err != nil {
		t.Errorf("without its store: %v", err)
	}
	p.await(t, regexpOf(`level=WARN msg="history: cannot write, and tries on"`), 1)
	if got := statusOf(t, admin, "/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("readyz without the store: got %d, want 503", got)
	}
	socks(0, inURL, "config", "print")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	p.await(t, regexpOf(`msg="history: writing again" lost=0`), 1)
	written(2)
	ready()
	socks(0, inURL, "sessions", "history")
	socks(0, inFile, "sessions", "history", "--history", place, "--total", "destination")
	if cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.cmd.Process.Pid)); err != nil || strings.Contains(string(cmdline), password) {
		t.Errorf("the command line: %q, %v", cmdline, err)
	}
	p.stop(t)
	dump := filepath.Join(dir, "dump")
	mustRun(t, command(c.Program("pg_dump"), "--format=custom", "--file="+dump, c.URL("tester", "sessions")))
	if err := c.Exec(t.Context(), "CREATE DATABASE restored"); err != nil {
		t.Fatal(err)
	}
	mustRun(t, command(c.Program("pg_restore"), "--dbname="+c.URL("tester", "restored"), dump))
	if got := len(historyOf(t, c.URL("tester", "restored"))); got != 2 {
		t.Errorf("%d sessions are in what was restored, want 2", got)
	}
	said.WriteString(p.said.String())
	if strings.Contains(said.String(), password) {
		t.Errorf("the password is in\n%s", &said)
	}
	if text := socks(1, strings.Replace(inURL, password, "hunter3", 1), "sessions", "history"); !strings.Contains(text, "password authentication failed") || strings.Contains(text, "hunter3") {
		t.Errorf("with a wrong password: got %s", text)
	}
}
