package history_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/history"
)

// heard is a slog.Handler that passes messages on.
type heard chan string

func (heard) Enabled(context.Context, slog.Level) bool { return true }

func (h heard) Handle(_ context.Context, r slog.Record) error {
	h <- r.Message
	return nil
}

func (h heard) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h heard) WithGroup(string) slog.Handler      { return h }

// await waits for a message that begins with a text.
func (h heard) await(t *testing.T, text string) {
	t.Helper()
	for {
		select {
		case message := <-h:
			if strings.HasPrefix(message, text) {
				return
			}
		case <-time.After(limit):
			t.Fatalf("not told that %q", text)
		}
	}
}

// Whatever ends while the server is gone is written when it is back, and so is
// what was open all the time.
func TestPostgresComesBack(t *testing.T) {
	c, told := running(t), make(heard, 100)
	p := postgresPlace(t)
	s, err := p.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const before, during = 50, 2500 // more than one batch
	r := history.Start(s, history.Options{Interval: 10 * time.Millisecond, Queue: during, Log: slog.New(told)})
	open := made(9999)
	r.Opened(open)
	for i := range before {
		r.Closed(made(uint64(i + 1)))
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	for i := range during - before {
		r.Closed(made(uint64(before + i + 1)))
	}
	told.await(t, "history: cannot write")
	open.BytesUp.Store(5)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	told.await(t, "history: writing again")
	r.Close()
	got := all(t, s, history.Filter{}) // the one that was open began first
	if len(got) != during+1 || r.Dropped() != 0 || r.Fault() != nil {
		t.Fatalf("%d records, %d lost, fault %v, want %d", len(got), r.Dropped(), r.Fault(), during+1)
	}
	if first := got[during]; first.ID != open.ID || first.Up != 5 {
		t.Errorf("what was open: %+v", first)
	}
	other, err := p.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if n, err := other.Begin(t.Context(), "", 1); n != 0 || err != nil {
		t.Errorf("closed %d as interrupted of a run that lives, %v", n, err)
	}
}

// Of the records of a session in a batch the last counts, and all their targets.
func TestStoreTakesSessionsTwice(t *testing.T) {
	eachStore(t, func(t *testing.T, p place) {
		s := p.open(t, 1)
		first, last := numbered(full()), numbered(full())
		first.Up, last.Up = 1, 2
		first.Targets, last.Targets = first.Targets[:1], last.Targets[1:]
		if err := s.Write(t.Context(), []history.Record{first, last}); err != nil {
			t.Fatal(err)
		}
		both := full()
		both.Up = 2
		want(t, s, both)
	})
}

// Tables that somebody took away are made again.
func TestPostgresMakesItsTablesAgain(t *testing.T) {
	s := postgresPlace(t).open(t, 1)
	if _, err := history.DB(s).Exec("DROP SCHEMA public CASCADE; CREATE SCHEMA public"); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), []history.Record{numbered(full())}); err == nil || errors.Is(err, history.ErrRecord) {
		t.Errorf("without tables: got %v, want an error that is not the record's fault", err)
	}
	if _, err := s.Begin(t.Context(), "a", 1); err != nil {
		t.Fatal(err)
	}
	store(t, s, full())
	want(t, s, full())
}

// role returns what makes a role, if there is none.
func role(as string) string {
	return "DO $$ BEGIN CREATE ROLE " + as + "; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
}

// A password is taken from all the places that those of PostgreSQL are taken
// from, and no error shows it.
func TestPostgresPasswords(t *testing.T) {
	c := running(t)
	name := c.database(t)
	c.exec(t, role("proved LOGIN PASSWORD 'hunter2'"))
	c.exec(t, "ALTER DATABASE "+name+" OWNER TO proved")
	t.Setenv("PGPASSFILE", filepath.Join(t.TempDir(), "none"))
	begin := func(url string) error {
		s, err := placeAt(t, url).Open()
		if err != nil {
			return err
		}
		_, err = s.Begin(t.Context(), "a", 1)
		return errors.Join(err, s.Close())
	}
	bare := c.URL("proved", name)
	for url, works := range map[string]bool{
		bare: false, c.URL("proved:hunter3", name): false, bare + "&password=hunter3": false,
		c.URL("proved:hunter2", name): true, bare + "&password=hunter2": true,
		bare + "&password=hunter3&sslkey=/dev/null": false, c.URL("proved:hunter3", name) + "&connect_timeout=hunter": false,
		"postgres://proved:hunter3@" + strings.TrimSuffix(bare[len("postgres://proved@"):], "disable") + "hunter": false,
	} {
		err := begin(url)
		if (err == nil) != works {
			t.Errorf("%s: got %v, want that it works: %v", url, err, works)
		}
		if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "hunter3")) {
			t.Errorf("%v: shows the password", err)
		}
	}
	t.Setenv("PGPASSWORD", "hunter2")
	if err := begin(bare); err != nil {
		t.Errorf("by PGPASSWORD: %v", err)
	}
	t.Setenv("PGPASSWORD", "")
	file := filepath.Join(t.TempDir(), "pgpass")
	if err := os.WriteFile(file, fmt.Appendf(nil, "%s:%s:proved:hunter2\n", c.Address(), name), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PGPASSFILE", file)
	if err := begin(bare); err != nil {
		t.Errorf("by PGPASSFILE: %v", err)
	}
}

// Who may only select can ask, and neither forgets nor writes.
func TestPostgresReaders(t *testing.T) {
	c := running(t)
	name := c.database(t)
	s := placeAt(t, c.URL("tester", name)).open(t, 1)
	store(t, s, full())
	if _, err := history.DB(s).Exec(role("reader LOGIN") + "; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader"); err != nil {
		t.Fatal(err)
	}
	reader, err := placeAt(t, strings.Replace(c.URL("reader", name), "postgres:", "postgresql:", 1)).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	want(t, reader, full())
	if _, err := reader.Forget(t.Context(), "alice"); err == nil {
		t.Error("forgot without a right to")
	}
	if err := reader.Write(t.Context(), []history.Record{numbered(full())}); err == nil || errors.Is(err, history.ErrRecord) {
		t.Errorf("wrote: got %v, want an error that is not the record's fault", err)
	}
}
