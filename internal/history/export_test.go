package history

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"
)

// ExpireAtOnce is how many records one Expire deletes.
const ExpireAtOnce = expireAtOnce

// Number gives t its place among the targets of its session.
func Number(t *Target, n int) { t.n = n }

// From has f follow from a time on.
func From(f Filter, since time.Time) Filter {
	f.writtenSince = since
	return f
}

// tablesOf returns the SQL side of a store.
func tablesOf(s Store) *tables {
	switch s := s.(type) {
	case *sqliteStore:
		return &s.tables
	case *postgresStore:
		return &s.tables
	}
	panic(fmt.Sprintf("no tables in %T", s))
}

// DB returns the database of a store.
func DB(s Store) *sql.DB { return tablesOf(s).db }

// Age has all records written earlier than they were.
func Age(ctx context.Context, s Store, by time.Duration) error {
	t := tablesOf(s)
	q := query{dialect: t.dialect}
	q.add("UPDATE sessions SET written = ?", q.stamp(time.Now().Add(-by)))
	_, err := t.exec(ctx, &q)
	return err
}

// SessionsQuery returns the statement that Sessions makes of f.
func SessionsQuery(s Store, f Filter) (string, []any) {
	q := query{dialect: tablesOf(s).dialect}
	q.sessions(&f)
	return q.text.String(), q.args
}

// TotalsQuery returns the statement that Totals makes of f.
func TotalsQuery(s Store, f Filter, by Axis) (string, []any) {
	q := query{dialect: tablesOf(s).dialect}
	q.totals(&f, by)
	return q.text.String(), q.args
}

// HasTables tells whether there is anything at a place.
func HasTables(t *testing.T, l Location) (there bool) {
	t.Helper()
	s, err := l.Open()
	if err == nil {
		err = tablesOf(s).db.QueryRowContext(t.Context(), tablesOf(s).hasVersion).Scan(&there)
	}
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return there
}

// MigrateTo brings the tables of a store to a version.
func MigrateTo(ctx context.Context, s Store, version int64) error {
	p, err := tablesOf(s).provider()
	if err == nil {
		_, err = p.UpTo(ctx, version)
	}
	return err
}

// Settle notes what is open as written, and returns how many rows were to be.
func (r *Recorder) Settle(now time.Time) int {
	all := r.changes(now)
	r.wrote(all, now)
	return len(all)
}
