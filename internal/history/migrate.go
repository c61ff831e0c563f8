package history

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// migrations is the steps that lead to the tables, by the kind of database.
//
//go:embed migrations
var migrations embed.FS

// provider returns what runs the steps on db, once: it does not get over a context
// that ends in the middle.
func provider(db *sql.DB, dialect goose.Dialect, kind string, options ...goose.ProviderOption) (*goose.Provider, error) {
	from, err := fs.Sub(migrations, "migrations/"+kind)
	if err != nil {
		return nil, err
	}
	options = append(options, goose.WithTableName("schema_version"), goose.WithDisableGlobalRegistry(true))
	return goose.NewProvider(dialect, db, from, options...)
}

// migrate brings the tables up to date.
func migrate(ctx context.Context, p *goose.Provider) error {
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("history: bring the tables up to date: %w", err)
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
