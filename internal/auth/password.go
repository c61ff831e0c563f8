// Package auth is the ways to log in: a file of users and their password
// hashes, a program that knows them, and the certificate of a client.
package auth

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"

	"github.com/socksctl/socksctl/internal/files"
	"github.com/socksctl/socksctl/server"
)

const (
	methodPassword = 0x02       // RFC 1928, section 3
	byPassword     = "password" // the Method of an Identity
)

// Password logs in by name and password (RFC 1929) against a user file. Names
// and passwords are compared as bytes. Its methods may be called from many
// goroutines.
type Password struct {
	file  string
	log   *slog.Logger
	work  *work
	table atomic.Pointer[table]
}

var _ server.Authenticator = (*Password)(nil)

// NewPassword reads a user file. A nil log is silent.
func NewPassword(file string, log *slog.Logger) (*Password, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	p := &Password{file: file, log: log, work: newWork(runtime.GOMAXPROCS(0))}
	if err := p.Reload(); err != nil {
		return nil, err
	}
	return p, nil
}

// Reload reads the file again; when it has changed, remembered logins are
// forgotten. On an error the users stay as they were.
func (p *Password) Reload() error {
	commit, err := p.Prepare()
	if commit != nil {
		commit()
	}
	return err
}

// Prepare is the first half of a reload, for who has more to reload than this: it
// reads the file again, and commit takes it up. It is nil when the file has not
// changed or cannot be used. Of several reloads at a time the last commit counts.
func (p *Password) Prepare() (commit func(), err error) {
	data, err := files.Read(p.file)
	if err != nil {
		return nil, fmt.Errorf("user file: %w", err)
	}
	old := p.table.Load()
	if old != nil && old.sum == sha256.Sum256(data) {
		return nil, nil
	}
	t, err := parseTable(p.file, data)
	if err != nil {
		return nil, fmt.Errorf("user file %w", err)
	}
	if err := files.Exposed(p.file); err != nil {
		p.log.Warn("user file", "err", err)
	}
	return func() { p.table.Store(t) }, nil
}

// Has tells whether there is a user of that name.
func (p *Password) Has(user string) bool {
	_, ok := p.table.Load().users[user]
	return ok
}

// Len returns how many users there are.
func (p *Password) Len() int { return len(p.table.Load().users) }

// Method returns 0x02: this way is open to every session.
func (p *Password) Method(*server.Session) byte { return methodPassword }

// Authenticate returns who logs in. An unknown user takes as much work as a
// wrong password, and the two have the same error but for the name.
func (p *Password) Authenticate(ctx context.Context, _ *server.Session, login server.Login) (server.Identity, error) {
	t := p.table.Load()
	ok, err := t.verify(ctx, p.work, login.Name, login.Password)
	if err != nil {
		return server.Identity{}, refused(server.LoginTimeout, login.Name, err)
	}
	if !ok {
		return server.Identity{}, refused(server.LoginWrong, login.Name, nil)
	}
	return server.Identity{User: login.Name, Method: byPassword}, nil
}

// refused returns the error of a login by password: whose, and why.
func refused(reason server.LoginReason, name string, err error) error {
	whose := fmt.Errorf("user %q", name)
	if err != nil {
		whose = fmt.Errorf("user %q: %w", name, err)
	}
	return &server.LoginError{Method: byPassword, Reason: reason, Err: whose}
}

// verify tells whether a login is right. One that is remembered takes no work, and
// so does not wait behind those that do.
func (t *table) verify(ctx context.Context, w *work, name, password string) (bool, error) {
	known, ok := t.users[name]
	tag := t.cache.tag(name, password)
	if _, remembered := t.cache.get(tag); ok && remembered {
		return true, nil
	}
	if !ok {
		known = w.decoy(t.decoys, name)
	}
	right, err := w.match(ctx, known, password)
	if err != nil || !right || !ok || password == "" {
		return false, err
	}
	t.cache.add(tag, nil)
	return true, nil
}
