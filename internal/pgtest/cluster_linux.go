package pgtest

import (
	"bufio"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver of Exec
)

// ErrMissing is what Make returns where PostgreSQL is not installed.
var ErrMissing = errors.New("postgres is missing: install the Debian package postgresql")

// startLimit is how long the server may take to be ready.
const startLimit = 30 * time.Second

// Cluster is a server, with as many databases as are made. It trusts everyone but
// the user "proved". The zero Cluster is none yet.
type Cluster struct {
	dir, bin  string
	host      string // on loopback, and its own, so that the port is free whenever it starts
	process   *exec.Cmd
	log       *os.File // what the process says
	databases int
}

// Make makes the files of the server and starts it.
func (c *Cluster) Make() error {
	if err := c.find(); err != nil {
		return err
	}
	if err := c.initialize(); err != nil {
		return err
	}
	return c.Start()
}

// find finds the programs, which Debian has in no PATH.
func (c *Cluster) find() error {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is good
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		return ErrMissing
	}
	c.bin = filepath.Dir(found[0])
	return nil
}

// command prepares a program of PostgreSQL, which does not run as root.
func (c *Cluster) command(name string, args ...string) (*exec.Cmd, error) {
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

// initialize makes the files of the server. Its locale sorts otherwise than bytes
// do.
func (c *Cluster) initialize() (err error) {
	if c.dir, err = os.MkdirTemp("", "postgres"); err != nil {
		return err
	}
	var b [2]byte
	_, _ = rand.Read(b[:]) // never fails
	c.host = fmt.Sprintf("127.54.%d.%d", b[0], max(b[1], 1))
	cmd, err := c.command("initdb", "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale-provider=icu", "--icu-locale=en")
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	hba := "local all all trust\nhost all proved 127.0.0.0/8 scram-sha-256\nhost all all 127.0.0.0/8 trust\n"
	return os.WriteFile(filepath.Join(c.dir, "data", "pg_hba.conf"), []byte(hba), 0o600)
}

// Start starts the server, at the same place each time, and returns when it takes
// connections.
func (c *Cluster) Start() error {
	cmd, err := c.command("postgres", "-k", c.dir, "-c", "listen_addresses="+c.host, "-c", "fsync=off",
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
	if err := r.SetReadDeadline(time.Now().Add(startLimit)); err != nil {
		return err
	}
	var log strings.Builder
	for lines := bufio.NewScanner(r); lines.Scan(); {
		if strings.Contains(lines.Text(), "ready to accept connections") {
			return nil
		}
		log.WriteString(lines.Text() + "\n")
	}
	return fmt.Errorf("postgres did not start:\n%s", log.String())
}

// Secure has the server take TLS too, with a certificate and its key in PEM. It starts
// again for that.
func (c *Cluster) Secure(ctx context.Context, certificate, key []byte) error {
	data := filepath.Join(c.dir, "data")
	info, err := os.Stat(data)
	if err != nil {
		return err
	}
	owner := info.Sys().(*syscall.Stat_t)
	for name, text := range map[string][]byte{"server.crt": certificate, "server.key": key} {
		path := filepath.Join(data, name)
		if err := errors.Join(os.WriteFile(path, text, 0o600), os.Chown(path, int(owner.Uid), int(owner.Gid))); err != nil {
			return err
		}
	}
	if err := c.Exec(ctx, "ALTER SYSTEM SET ssl = on"); err != nil {
		return err
	}
	return errors.Join(c.Stop(), c.Start())
}

// Stop ends the server: at once, without a word to those who are connected.
func (c *Cluster) Stop() error {
	if err := c.process.Process.Signal(syscall.SIGQUIT); err != nil {
		return err
	}
	_ = c.process.Wait() // which tells how it ended
	c.process = nil
	return c.log.Close()
}

// Remove ends the server, if it runs, and removes its files.
func (c *Cluster) Remove() (err error) {
	if c.process != nil {
		err = c.Stop()
	}
	if c.dir != "" {
		err = errors.Join(err, os.RemoveAll(c.dir))
	}
	return err
}

// Program returns the path of one of PostgreSQL's programs.
func (c *Cluster) Program(name string) string { return filepath.Join(c.bin, name) }

// Address returns where the server is, as host:port.
func (c *Cluster) Address() string { return c.host + ":5432" }

// URL returns the URL of a database for a user.
func (c *Cluster) URL(who, database string) string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", who, c.Address(), database)
}

// Exec runs a statement as the owner of all.
func (c *Cluster) Exec(ctx context.Context, statement string) error {
	db, err := sql.Open("pgx", c.URL("tester", "postgres"))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, statement)
	return errors.Join(err, db.Close())
}

// Database makes a database, and returns its name.
func (c *Cluster) Database(ctx context.Context) (string, error) {
	c.databases++
	name := fmt.Sprint("test", c.databases)
	return name, c.Exec(ctx, "CREATE DATABASE "+name)
}
