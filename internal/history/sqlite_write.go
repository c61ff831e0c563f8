package history

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
)

// Write implements Writer. It gives each row to the driver itself: the way through
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
	session, err := s.prepareUpsert(ctx, on, "sessions", sessionColumns, "run, id")
	if err != nil {
		return err
	}
	defer session.Close()
	target, err := s.prepareUpsert(ctx, on, "targets", targetColumns, "run, id, n")
	if err != nil {
		return err
	}
	defer target.Close()
	var values []any // of a row, used again for the next
	for i := range records {
		r := &records[i]
		values, err = s.sessionValues(values[:0], r)
		err = errors.Join(err, ctx.Err())
		if err == nil {
			err = session.write(values)
		}
		for j := 0; err == nil && j < len(r.Targets); j++ {
			err = target.write(s.targetValues(r, &r.Targets[j]))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// prepareUpsert prepares the statement that writes a row of a table.
func (s *sqliteStore) prepareUpsert(ctx context.Context, on driver.ConnPrepareContext, table, columns, key string) (*upsertStmt, error) {
	values := "?"
	for range columnsOf(columns)[1:] {
		values += ", ?"
	}
	text := "INSERT INTO " + table + " (" + columns + ") VALUES (" + values + ")" + upsert(columns, key)
	if table == "sessions" {
		text = "INSERT INTO sessions (" + columns + ", written) VALUES (" + values + ", " + s.now + ")" + upsert(columns+", written", key)
	}
	stmt, err := on.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	return &upsertStmt{Stmt: stmt, args: make([]driver.NamedValue, len(columnsOf(columns)))}, nil
}

// upsertStmt is a statement that writes a row.
type upsertStmt struct {
	driver.Stmt
	args []driver.NamedValue // of a write, used again for the next
}

func (s *upsertStmt) write(values []any) error {
	for i, v := range values {
		s.args[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	_, err := s.Stmt.(driver.StmtExecContext).ExecContext(context.Background(), s.args)
	return err
}
