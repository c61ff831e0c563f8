package history

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// Write implements Writer.
func (s *postgresStore) Write(ctx context.Context, records []Record) error {
	sessions, targets, err := s.rowsOf(records)
	if err != nil {
		return fmt.Errorf("history: %w: %w", ErrRecord, err)
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	defer conn.Close()
	return s.blame(conn.Raw(func(driver any) error {
		c, ok := driver.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("no connection of pgx, but a %T", driver)
		}
		return pgx.BeginFunc(ctx, c.Conn(), func(tx pgx.Tx) error {
			if err := s.put(ctx, tx, sessions); err != nil {
				return err
			}
			return s.put(ctx, tx, targets)
		})
	}))
}

// rowSet is the rows of a table, the last of each key.
type rowSet struct {
	table, columns, key string

	rows [][]any
	at   map[[3]any]int
}

// add puts a row in, of which the first columns are the key.
func (set *rowSet) add(key [3]any, row []any) {
	if set.at == nil {
		set.at = make(map[[3]any]int)
	}
	if i, ok := set.at[key]; ok {
		set.rows[i] = row
		return
	}
	set.at[key] = len(set.rows)
	set.rows = append(set.rows, row)
}

// rowsOf returns records as rows: a statement does not put two in one place.
func (s *postgresStore) rowsOf(records []Record) (sessions, targets rowSet, err error) {
	sessions = rowSet{table: "sessions", columns: sessionColumns, key: "run, id"}
	targets = rowSet{table: "targets", columns: targetColumns, key: "run, id, n"}
	for i := range records {
		r := &records[i]
		var row cells
		if err := s.sessionValues(&row, r); err != nil {
			return sessions, targets, err
		}
		sessions.add([3]any{row.values[0], row.values[1]}, row.values)
		for j := range r.Targets {
			row := s.targetValues(r, &r.Targets[j])
			targets.add([3]any{row[0], row[1], row[2]}, row)
		}
	}
	return sessions, targets, nil
}

// put copies rows to a table of the connection, and from there to where they belong.
func (s *postgresStore) put(ctx context.Context, tx pgx.Tx, set rowSet) error {
	if len(set.rows) == 0 {
		return nil
	}
	staged := "new_" + set.table
	_, err := tx.Exec(ctx, "CREATE TEMPORARY TABLE IF NOT EXISTS "+staged+" ON COMMIT DELETE ROWS AS SELECT "+set.columns+" FROM "+set.table+" WITH NO DATA")
	if err != nil {
		return err
	}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"pg_temp", staged}, columnsOf(set.columns), pgx.CopyFromRows(set.rows)); err != nil {
		return err
	}
	into, from := set.columns, set.columns
	if set.table == "sessions" {
		into, from = into+", written", from+", "+s.now
	}
	_, err = tx.Exec(ctx, "INSERT INTO "+set.table+" ("+into+") SELECT "+from+" FROM pg_temp."+staged+upsert(into, set.key))
	return err
}

// blame tells errors that are a record's fault. Where the tables are gone, they
// are made again.
func (s *postgresStore) blame(err error) error {
	if err == nil {
		return nil
	}
	const data, constraint, limit, undefinedTable = "22", "23", "54", "42P01" // appendix A of the manual
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && len(e.Code) == len(undefinedTable) {
		switch e.Code[:2] {
		case data, constraint, limit:
			return fmt.Errorf("history: %w: %w", ErrRecord, err)
		}
		if e.Code == undefinedTable {
			s.mu.Lock()
			s.migrated = false
			s.mu.Unlock()
		}
	}
	return fmt.Errorf("history: %w", err)
}
