package history

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"

	"github.com/pressly/goose/v3"
)

// migrations is the steps that lead to the tables, by the kind of database.
//
//go:embed migrations
var migrations embed.FS

// provider returns what runs the steps, once: it does not get over a context that
// ends in the middle.
func (t *tables) provider() (*goose.Provider, error) {
	from, err := fs.Sub(migrations, "migrations/"+t.kind)
	if err != nil {
		return nil, err
	}
	keys := goose.NewGoMigration(3, &goose.GoFunc{RunTx: t.fillKeys}, nil)
	return goose.NewProvider(t.goose, t.db, from, goose.WithGoMigrations(keys), goose.WithTableName("schema_version"), goose.WithDisableGlobalRegistry(true))
}

// fillKeys is the third step: it fills the keys of addresses in, which the second
// made room for, and does without the indexes that they are in place of.
func (t *tables) fillKeys(ctx context.Context, tx *sql.Tx) error {
	for _, column := range []struct{ table, address, key string }{
		{"sessions", "host_key", "host_key"}, {"sessions", "resolved", "resolved_key"},
		{"targets", "host_key", "host_key"}, {"targets", "address", "address_key"},
	} {
		texts, err := distinct(ctx, tx, column.table, column.address)
		if err != nil {
			return err
		}
		for _, text := range texts {
			ip, err := netip.ParseAddr(text)
			if err != nil { // a name
				continue
			}
			q := query{dialect: t.dialect}
			q.add("UPDATE "+column.table+" SET "+column.key+" = ? WHERE "+column.address+" <> '' AND "+column.address+" = ?", addrKey(ip), text)
			if _, err := tx.ExecContext(ctx, q.text.String(), q.args...); err != nil {
				return err
			}
		}
	}
	_, err := tx.ExecContext(ctx, "DROP INDEX sessions_resolved")
	if err == nil {
		_, err = tx.ExecContext(ctx, "DROP INDEX targets_address")
	}
	return err
}

// distinct returns the texts in a column.
func distinct(ctx context.Context, tx *sql.Tx, table, column string) (texts []string, err error) {
	var q query
	q.add("SELECT DISTINCT " + column + " FROM " + table)
	rows, err := tx.QueryContext(ctx, q.text.String())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, rows.Err()
}

// migrate brings the tables up to date.
func migrate(ctx context.Context, p *goose.Provider) error {
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("history: bring the tables up to date: %w", err)
	}
	return checkVersion(ctx, p)
}

// check returns an error when the tables are not those that this program knows. It
// makes none, as goose would.
func (t *tables) check(ctx context.Context) error {
	var there bool
	if err := t.db.QueryRowContext(ctx, t.hasVersion).Scan(&there); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	if !there {
		return errors.New("history: there are no tables yet: start a server with this place once")
	}
	p, err := t.provider()
	if err != nil {
		return err
	}
	return checkVersion(ctx, p)
}

// checkVersion returns an error when the tables are not those that this program
// knows: those that are older get up to date when a server starts.
func checkVersion(ctx context.Context, p *goose.Provider) error {
	current, target, err := p.GetVersions(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("history: read the version of the tables: %w", err)
	case current < target:
		return fmt.Errorf("history: the tables have version %d, and this program reads %d: start a server of this version with them once", current, target)
	case current > target:
		return fmt.Errorf("history: the tables have version %d, and this program knows %d: it is too old for them", current, target)
	}
	return nil
}
