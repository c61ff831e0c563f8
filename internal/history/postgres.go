package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

const (
	mostConns   = 8                // of a store: one keeps the lock of the run, and a reader takes two
	connectTime = 10 * time.Second // unless the URL says otherwise
	tablesLock  = -1               // held while the tables are brought up to date; a run is not below zero
)

// postgresStore is a PostgreSQL database. That a run is alive is told by an
// advisory lock, which goes with the connection that has it.
type postgresStore struct {
	tables

	mu       sync.Mutex
	migrated bool
	alive    *sql.Conn // has the lock of the run
}

var _ checker = (*postgresStore)(nil)

// openPostgres returns the database at l, without a word to it.
func openPostgres(l Location) (*postgresStore, error) {
	config, err := postgresConfig(l)
	if err != nil {
		return nil, err
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(mostConns)
	db.SetMaxIdleConns(1)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return &postgresStore{tables: tables{postgresDialect(), db}}, nil
}

// postgresConfig returns how to connect to l. Errors about a URL may quote it:
// they are those about one without its passwords.
func postgresConfig(l Location) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(l.url.String())
	if err != nil {
		if _, err := pgx.ParseConfig(l.String()); err != nil {
			return nil, fmt.Errorf("history: %w", err)
		}
		return nil, fmt.Errorf("history: %s: a password in it does not fit", l)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTime
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "socksctl"
	}
	return config, nil
}

func postgresDialect() dialect {
	return dialect{
		kind: "postgres", goose: goose.DialectPostgres, hasVersion: "SELECT to_regclass('schema_version') IS NOT NULL",
		placeholder: func(n int) string { return "$" + strconv.Itoa(n) },
		stamp: func(t time.Time) any {
			if t.IsZero() {
				return nil
			}
			return t
		},
		now: "clock_timestamp()",
	}
}

// Begin implements Writer.
func (s *postgresStore) Begin(ctx context.Context, node string, run Run) (int64, error) {
	if err := s.prepare(ctx); err != nil {
		return 0, err
	}
	if err := s.claim(ctx, run); err != nil {
		return 0, fmt.Errorf("history: %w", err)
	}
	return s.reap(ctx, node, run, func(one Run) (bool, error) { return s.dead(ctx, one) })
}

// prepare brings the tables up to date, once, and not while another node does.
func (s *postgresStore) prepare(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.migrated {
		return nil
	}
	p, err := s.provider()
	if err != nil {
		return err
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", int64(tablesLock)); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	err = migrate(ctx, p)
	_, unlockErr := conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", int64(tablesLock))
	s.migrated = err == nil && unlockErr == nil
	return errors.Join(err, unlockErr)
}

// claim takes the lock that tells that run is alive, or sees to it that it is
// still there. The lock is shared, so that a connection of before, of whose end
// the database does not know yet, is not in the way.
func (s *postgresStore) claim(ctx context.Context, run Run) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.alive != nil {
		if s.alive.PingContext(ctx) == nil {
			return nil
		}
		s.alive.Close() // has ended already
		s.alive = nil
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock_shared($1)", int64(run)); err != nil {
		return errors.Join(err, conn.Close())
	}
	s.alive = conn
	return nil
}

// dead tells whether nobody holds the lock of run.
func (s *postgresStore) dead(ctx context.Context, run Run) (is bool, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT pg_try_advisory_xact_lock($1)", int64(run)).Scan(&is)
	return is, err
}

// Close implements io.Closer. The lock goes with its connection.
func (s *postgresStore) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.alive != nil {
		s.alive.Close() // before the rest: it goes back, and is closed there
		s.alive = nil
	}
	return s.db.Close()
}
