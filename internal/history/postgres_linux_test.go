package history_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/history"
)

// cluster is a PostgreSQL server of the tests' own, with a database for each. It
// trusts everyone but the user "proved".
type cluster struct {
	made      sync.Once
	unmade    error // why there is none
	dir, bin  string
	port      int
	process   *exec.Cmd
	log       *os.File // what the process says
	databases int
}

// postgres is the server of all tests here, started for the first.
var postgres cluster

var errNoPostgres = errors.New("postgres is missing: install the Debian package postgresql")

// find finds the programs, which Debian has in no PATH.
func (c *cluster) find() error {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is good
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		return errNoPostgres
	}
	c.bin = filepath.Dir(found[0])
	return nil
}

// command prepares a program of PostgreSQL, which does not run as root.
func (c *cluster) command(name string, args ...string) (*exec.Cmd, error) {
	cmd := exec.Command(filepath.Join(c.bin, name), append([]string{"-D", filepath.Join(c.dir, "data")}, args...)...)
	cmd.Dir, cmd.Env = c.dir, []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=America/New_York"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Getuid() != 0 {
		return cmd, nil
	}
	other, err := user.Lookup("postgres")
	if err != nil {
		other, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, err
	}
	uid, uidErr := strconv.Atoi(other.Uid)
	gid, gidErr := strconv.Atoi(other.Gid)
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return cmd, errors.Join(uidErr, gidErr, os.Chown(c.dir, uid, gid))
}

// make makes the files of the server. Its locale sorts otherwise than bytes do.
func (c *cluster) make() (err error) {
	if c.dir, err = os.MkdirTemp("", "history"); err != nil {
		return err
	}
	cmd, err := c.command("initdb", "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale-provider=icu", "--icu-locale=en")
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	hba := "local all all trust\nhost all proved 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"
	return os.WriteFile(filepath.Join(c.dir, "data", "pg_hba.conf"), []byte(hba), 0o600)
}

// start starts the server, the first time on a port that is free, and returns
// when it takes connections.
func (c *cluster) start() error {
	if c.port == 0 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		c.port = l.Addr().(*net.TCPAddr).Port
		l.Close()
	}
	cmd, err := c.command("postgres", "-k", c.dir, "-c", "listen_addresses=127.0.0.1", "-p", strconv.Itoa(c.port), "-c", "fsync=off",
		"-c", "log_min_messages=log", "-c", "log_checkpoints=off", "-c", "max_connections=50") // so little is logged that nobody has to read on
	if err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stderr = w
	err = cmd.Start()
	w.Close()
	if err != nil {
		return errors.Join(err, r.Close())
	}
	c.process, c.log = cmd, r
	return ready(r)
}

// ready reads what the server logs until it takes connections.
func ready(r *os.File) error {
	r.SetReadDeadline(time.Now().Add(limit))
	var log strings.Builder
	for lines := bufio.NewScanner(r); lines.Scan(); {
		if strings.Contains(lines.Text(), "ready to accept connections") {
			return nil
		}
		log.WriteString(lines.Text() + "\n")
	}
	return fmt.Errorf("postgres did not start:\n%s", log.String())
}

// stop ends the server: at once, without a word to those who are connected.
func (c *cluster) stop() error {
	if err := c.process.Process.Signal(syscall.SIGQUIT); err != nil {
		return err
	}
	c.process.Wait() // which tells how it ended
	c.process = nil
	return c.log.Close()
}

// url returns the URL of a database for a user.
func (c *cluster) url(who, database string) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", who, c.port, database)
}

// exec runs a statement as the owner of all.
func (c *cluster) exec(t *testing.T, statement string) {
	t.Helper()
	db, err := sql.Open("pgx", c.url("tester", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.WithoutCancel(t.Context()), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// running returns the server, or ends a test that is without. In CI that is a failure.
func running(t *testing.T) *cluster {
	t.Helper()
	c := &postgres
	c.made.Do(func() {
		if c.unmade = c.find(); c.unmade == nil {
			c.unmade = c.make()
		}
		if c.unmade == nil {
			c.unmade = c.start()
		}
	})
	switch {
	case errors.Is(c.unmade, errNoPostgres) && os.Getenv("CI") == "":
		t.Skip(c.unmade)
	case c.unmade != nil:
		t.Fatal(c.unmade)
	}
	return c
}

// database makes a database, and returns its name.
func (c *cluster) database(t *testing.T) string {
	t.Helper()
	c.databases++
	name := fmt.Sprint("test", c.databases)
	c.exec(t, "CREATE DATABASE "+name)
	return name
}

func placeAt(t *testing.T, url string) place {
	t.Helper()
	l, err := history.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	return place{l}
}

// postgresPlace returns a database of its own for a test.
func postgresPlace(t *testing.T) place {
	t.Helper()
	c := running(t)
	return placeAt(t, c.url("tester", c.database(t)))
}

// endPostgres ends the server, if there is one.
func endPostgres() {
	if postgres.process != nil {
		postgres.stop()
	}
	if postgres.dir != "" {
		os.RemoveAll(postgres.dir)
	}
}
