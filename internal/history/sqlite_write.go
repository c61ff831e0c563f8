package history

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Write implements Writer. It gives rows to the driver itself: the way through
// database/sql, and a context that it could be interrupted by, cost as much again.
func (s *sqliteStore) Write(ctx context.Context, records []Record) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	err = conn.Raw(func(raw any) error { return s.write(ctx, raw.(driver.ConnPrepareContext), records) })
	if err != nil {
		return errors.Join(blameSQLite(err), tx.Rollback())
	}
	return blameSQLite(tx.Commit())
}

// write writes rows, until ctx ends.
func (s *sqliteStore) write(ctx context.Context, on driver.ConnPrepareContext, records []Record) error {
	sessions := &rows{table: "sessions", columns: columnsOf(sessionColumns + ", written"), key: "run, id"}
	targets := &rows{table: "targets", columns: columnsOf(targetColumns), key: "run, id, n"}
	all := cells{values: make([]any, 0, len(records)*len(sessions.columns)), width: len(sessions.columns)}
	now := s.stamp(time.Now())
	for i := range records {
		r := &records[i]
		if err := s.sessionValues(&all, r); err != nil {
			return err
		}
		all.values = append(all.values, now)
		for j := range r.Targets {
			targets.values = append(targets.values, s.targetValues(r, &r.Targets[j])...)
		}
	}
	sessions.values = all.values
	if err := sessions.write(ctx, on); err != nil {
		return err
	}
	return targets.write(ctx, on)
}

// together is how many rows one statement has at most.
const together = 50

// rows is rows to be written to a table. Most of what they have is the same in all of
// them, such as what is empty: that stands in the statement, and need not be given to
// it with each row.
type rows struct {
	table, key string
	columns    []string
	values     []any  // of one row after the other
	differs    []bool // each column
}

// write writes the rows, until ctx ends.
func (r *rows) write(ctx context.Context, on driver.ConnPrepareContext) error {
	if len(r.values) == 0 {
		return nil
	}
	r.compare()
	perStatement := together * len(r.columns)
	whole := len(r.values) / perStatement * perStatement
	err := r.writeBy(ctx, on, r.values[:whole], perStatement)
	if rest := r.values[whole:]; err == nil {
		err = r.writeBy(ctx, on, rest, len(rest))
	}
	return err
}

// compare finds the columns that have to be given with each row: one at least.
func (r *rows) compare() {
	width := len(r.columns)
	r.differs = make([]bool, width)
	r.differs[0] = true
	for at, value := range r.values[:width] {
		_, ok := literal(value)
		for ; ok && at < len(r.values); at += width {
			ok = r.values[at] == value
		}
		r.differs[at%width] = r.differs[at%width] || !ok
	}
}

// writeBy writes rows by one statement, which takes n values at a time.
func (r *rows) writeBy(ctx context.Context, on driver.ConnPrepareContext, values []any, n int) error {
	if len(values) == 0 {
		return nil
	}
	stmt, err := on.PrepareContext(ctx, r.statement(n/len(r.columns)))
	if err != nil {
		return err
	}
	defer stmt.Close()
	var args []driver.NamedValue
	for some := range slices.Chunk(values, n) {
		if err := ctx.Err(); err != nil {
			return err
		}
		args = r.appendArgs(args[:0], some)
		if _, err := stmt.(driver.StmtExecContext).ExecContext(context.Background(), args); err != nil {
			return err
		}
	}
	return nil
}

func (r *rows) appendArgs(args []driver.NamedValue, values []any) []driver.NamedValue {
	for at, v := range values {
		if r.differs[at%len(r.columns)] {
			args = append(args, driver.NamedValue{Ordinal: len(args) + 1, Value: v})
		}
	}
	return args
}

// statement returns what writes n rows.
func (r *rows) statement(n int) string {
	selected, given := make([]string, len(r.columns)), 0
	for at, value := range r.values[:len(r.columns)] {
		if r.differs[at] {
			given++
			selected[at] = "column" + strconv.Itoa(given) // as SQLite calls those of VALUES
		} else {
			selected[at], _ = literal(value)
		}
	}
	columns, row := strings.Join(r.columns, ", "), "("+strings.Repeat("?, ", given-1)+"?)"
	return "INSERT INTO " + r.table + " (" + columns + ") SELECT " + strings.Join(selected, ", ") +
		" FROM (VALUES " + strings.Repeat(row+", ", n-1) + row + ") WHERE true" + upsert(columns, r.key)
}

// literal returns a value as it may stand in a statement. Of text only what has
// nothing in it that could end it.
func literal(value any) (text string, ok bool) {
	switch v := value.(type) {
	case nil:
		return "NULL", true
	case int64:
		return strconv.FormatInt(v, 10), true
	case string:
		return "'" + v + "'", !strings.ContainsFunc(v, special)
	}
	return "", false
}

// special tells of what is neither a letter or a digit of ASCII nor a sign that means
// nothing within quotes.
func special(c rune) bool {
	isLetter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
	return !isLetter && (c < '0' || c > '9') && !strings.ContainsRune(" .:,*[]{}", c)
}
