package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"

	"github.com/socksctl/socksctl/internal/files"
)

// sqliteStore is a SQLite file. That a run is alive is told by the lock that is
// a file beside it.
type sqliteStore struct {
	tables
	path string

	mu       sync.Mutex
	migrated bool
	unlock   func() error // of the run
}

var _ checker = (*sqliteStore)(nil)

// openSQLite opens a file, which others may not read, and makes it and its
// directory if it is to.
func openSQLite(path string, create bool) (*sqliteStore, error) {
	if create {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, fmt.Errorf("history: %w", err)
		}
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) // what SQLite puts beside it has its mode
		if err != nil {
			return nil, fmt.Errorf("history: %w", err)
		}
		f.Close()
	} else if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	db, err := sql.Open("sqlite", sqliteName(path, create))
	if err != nil {
		return nil, fmt.Errorf("history: %s: %w", path, err)
	}
	return &sqliteStore{tables: tables{sqliteDialect(), db}, path: path}, nil
}

// sqliteName returns what opens path with what records need: readers beside the
// writer, nothing that was deleted left in the file, and no wait for the disk at
// each batch: a crash of the system may cost the last, a crash of the process
// nothing. A writer keeps in memory what SQLite would put into a directory for
// temporary files, since it may not be let write there.
func sqliteName(path string, writer bool) string {
	name := url.URL{Path: filepath.ToSlash(path)}
	pragmas := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(NORMAL)", "foreign_keys(1)", "secure_delete(1)",
		"journal_size_limit(67108864)",
	}}
	if writer {
		pragmas.Add("_pragma", "temp_store(MEMORY)")
		pragmas.Add("_pragma", "cache_size(-8192)") // in KiB: with the 2 MiB of default, indexes of many hosts are read again and again
	}
	return "file:" + name.EscapedPath() + "?" + pragmas.Encode()
}

func sqliteDialect() dialect {
	return dialect{
		kind: "sqlite", goose: goose.DialectSQLite3, hasVersion: "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'schema_version')",
		placeholder: func(int) string { return "?" },
		stamp: func(t time.Time) any {
			if t.IsZero() {
				return nil
			}
			return t.UnixMicro()
		},
		now: "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
	}
}

// Begin implements Writer.
func (s *sqliteStore) Begin(ctx context.Context, node string, run Run) (int64, error) {
	if err := s.prepare(ctx); err != nil {
		return 0, err
	}
	if err := s.claim(run); err != nil {
		return 0, err
	}
	n, err := s.reap(ctx, node, run, s.dead)
	return n, errors.Join(err, s.sweep())
}

// sweep removes the locks of runs that ended without doing so themselves.
func (s *sqliteStore) sweep() error {
	entries, err := os.ReadDir(filepath.Dir(s.path))
	for _, e := range entries {
		digits, isLock := strings.CutPrefix(e.Name(), filepath.Base(s.path)+".run-")
		var run Run
		if !isLock || run.UnmarshalText([]byte(digits)) != nil {
			continue
		}
		_, deadErr := s.dead(run) // takes the lock, and the file with it
		err = errors.Join(err, deadErr)
	}
	return err
}

// prepare brings the tables up to date, once, and not while another process does.
func (s *sqliteStore) prepare(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.migrated {
		return nil
	}
	p, err := s.provider()
	if err != nil {
		return err
	}
	unlock, err := files.Lock(s.path + ".lock")
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	err = errors.Join(migrate(ctx, p), unlock())
	s.migrated = err == nil
	return err
}

// claim takes the lock that tells that run is alive.
func (s *sqliteStore) claim(run Run) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unlock == nil {
		s.unlock, err = files.TryLock(s.lockOf(run))
	}
	return err
}

func (s *sqliteStore) lockOf(run Run) string { return fmt.Sprintf("%s.run-%016x", s.path, int64(run)) }

// dead tells whether nobody holds the lock of run.
func (s *sqliteStore) dead(run Run) (bool, error) {
	if _, err := os.Stat(s.lockOf(run)); errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	unlock, err := files.TryLock(s.lockOf(run))
	if errors.Is(err, files.ErrLocked) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, unlock()
}

// blameSQLite tells errors that are a record's fault.
func blameSQLite(err error) error {
	if err == nil {
		return nil
	}
	const tooBig, constraint, mismatch, outOfRange = 18, 19, 20, 25 // sqlite.org/rescode.html
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xFF {
		case tooBig, constraint, mismatch, outOfRange:
			return fmt.Errorf("history: %w: %w", ErrRecord, err)
		}
	}
	return fmt.Errorf("history: %w", err)
}

// Expire implements Writer. It also gives what the planner needs to know about the
// tables.
func (s *sqliteStore) Expire(ctx context.Context, before time.Time) (bool, error) {
	more, err := s.tables.Expire(ctx, before)
	if err != nil || more {
		return more, err
	}
	_, err = s.db.ExecContext(ctx, "PRAGMA optimize")
	return false, err
}

// Forget implements Reader. What was deleted does not stay in the log of changes
// either.
func (s *sqliteStore) Forget(ctx context.Context, user string) (int64, error) {
	n, err := s.tables.Forget(ctx, user)
	if err != nil {
		return n, err
	}
	_, err = s.db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return n, err
}

// Close implements io.Closer.
func (s *sqliteStore) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.db.Close()
	if s.unlock != nil {
		err = errors.Join(err, s.unlock())
		s.unlock = nil
	}
	return err
}
