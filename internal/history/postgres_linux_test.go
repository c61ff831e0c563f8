package history_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/socksctl/socksctl/internal/history"
	"github.com/socksctl/socksctl/internal/pgtest"
)

// cluster is the PostgreSQL server of all tests here, with a database for each,
// started for the first.
type cluster struct {
	pgtest.Cluster
	made   sync.Once
	unmade error // why there is none
}

var postgres cluster

// running returns the server, or ends a test that is without. In CI that is a failure.
func running(t *testing.T) *cluster {
	t.Helper()
	c := &postgres
	c.made.Do(func() { c.unmade = c.Make() })
	switch {
	case errors.Is(c.unmade, pgtest.ErrMissing) && os.Getenv("CI") == "":
		t.Skip(c.unmade)
	case c.unmade != nil:
		t.Fatal(c.unmade)
	}
	return c
}

// exec runs a statement as the owner of all.
func (c *cluster) exec(t *testing.T, statement string) {
	t.Helper()
	if err := c.Exec(context.WithoutCancel(t.Context()), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// database makes a database, and returns its name.
func (c *cluster) database(t *testing.T) string {
	t.Helper()
	name, err := c.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func placeAt(t *testing.T, url string) place {
	t.Helper()
	l, err := history.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	return place{l}
}

// postgresPlace returns a database of its own for a test.
func postgresPlace(t *testing.T) place {
	t.Helper()
	c := running(t)
	return placeAt(t, c.URL("tester", c.database(t)))
}

// endPostgres ends the server, if there is one.
func endPostgres() { _ = postgres.Remove() }
