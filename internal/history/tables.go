package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
)

// ErrRecord is what an error of Write wraps that is the fault of a record: with
// it in the batch, no other can be written either.
var ErrRecord = errors.New("the store does not take the record")

const (
	expireAtOnce = 1000             // records that one Expire deletes
	stale        = 30 * time.Minute // without a word, and an open session is no more: its row is written more often
	page         = 256              // records whose targets are asked for together
	overlap      = 5 * time.Second  // by which a follower looks back, for what was committed late
	followEvery  = time.Second
)

// tables is what both kinds of store are: SQL over the tables of migrations/.
type tables struct {
	dialect
	db *sql.DB
}

// Sessions implements Reader.
func (t *tables) Sessions(ctx context.Context, f Filter) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if f.Follow {
			t.follow(ctx, f, yield)
			return
		}
		_, _ = t.yieldAll(ctx, &f, func(r Record, _ time.Time, err error) bool { return yield(r, err) })
	}
}

// yieldAll yields what matches f with the time at which it was written, and
// tells whether to go on.
func (t *tables) yieldAll(ctx context.Context, f *Filter, yield func(Record, time.Time, error) bool) (more bool, err error) {
	q := query{dialect: t.dialect}
	q.sessions(f)
	rows, err := t.db.QueryContext(ctx, q.text.String(), q.args...)
	if err != nil {
		return yield(Record{}, time.Time{}, fmt.Errorf("history: %w", err)), err
	}
	defer rows.Close()
	for {
		records, written, err := t.nextPage(ctx, rows)
		if err != nil {
			return yield(Record{}, time.Time{}, fmt.Errorf("history: %w", err)), err
		}
		for i := range records {
			if !yield(records[i], written[i], nil) {
				return false, nil
			}
		}
		if len(records) < page {
			return true, nil
		}
	}
}

// nextPage reads some records, with their targets.
func (t *tables) nextPage(ctx context.Context, rows *sql.Rows) (records []Record, written []time.Time, err error) {
	for len(records) < page && rows.Next() {
		var at stamp
		r, err := scanSession(withStamp{rows, &at})
		if err != nil {
			return nil, nil, err
		}
		records, written = append(records, r), append(written, at.Time)
	}
	if err := rows.Err(); err != nil {
		return nil, nil, err
	}
	return records, written, t.addTargets(ctx, records)
}

// withStamp is a row that has a time behind the rest.
type withStamp struct {
	scanner
	at *stamp
}

func (w withStamp) Scan(to ...any) error { return w.scanner.Scan(append(to, w.at)...) }

// addTargets gives the associations among records their targets.
func (t *tables) addTargets(ctx context.Context, records []Record) error {
	q := query{dialect: t.dialect}
	q.add("SELECT " + targetColumns + " FROM targets WHERE (run, id) IN (VALUES ")
	at := make(map[recordKey]*Record)
	for i := range records {
		r := &records[i]
		if r.Command != "udp" {
			continue
		}
		if len(at) > 0 {
			q.add(", ")
		}
		at[recordKey{r.Run, r.ID}] = r
		q.add("(CAST(? AS BIGINT), CAST(? AS BIGINT))", int64(r.Run), int64(r.ID))
	}
	if len(at) == 0 {
		return nil
	}
	q.add(") ORDER BY run, id, n < 0, n")
	rows, err := t.db.QueryContext(ctx, q.text.String(), q.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		key, target, err := scanTarget(rows)
		if err != nil {
			return err
		}
		at[key].Targets = append(at[key].Targets, target)
	}
	return rows.Err()
}

// Forget implements Reader.
func (t *tables) Forget(ctx context.Context, user string) (int64, error) {
	q := query{dialect: t.dialect}
	q.add("DELETE FROM sessions WHERE username <> '' AND username = ? OR tried <> '' AND tried = ?", user, user)
	return t.exec(ctx, &q)
}

// Expire implements Writer.
func (t *tables) Expire(ctx context.Context, before time.Time) (more bool, err error) {
	q := query{dialect: t.dialect}
	q.add("DELETE FROM sessions WHERE (run, id) IN (SELECT run, id FROM sessions WHERE start < ? AND status <> 'open' ORDER BY start LIMIT ?)",
		t.stamp(before), int64(expireAtOnce))
	n, err := t.exec(ctx, &q)
	return n == expireAtOnce, err
}

// reap closes what runs left open that are not alive: those of node for which
// dead says so, and on any node what has not been heard of for long.
func (t *tables) reap(ctx context.Context, node string, run Run, dead func(Run) (bool, error)) (int64, error) {
	total := int64(0)
	runs, err := t.openRuns(ctx, node)
	for _, one := range runs {
		if one == run {
			continue
		}
		if is, deadErr := dead(one); deadErr != nil || !is {
			err = errors.Join(err, deadErr)
			continue
		}
		n, updateErr := t.interrupt(ctx, "run = ?", int64(one))
		total, err = total+n, errors.Join(err, updateErr)
	}
	n, updateErr := t.interrupt(ctx, "written < ?", t.stamp(time.Now().Add(-stale)))
	return total + n, errors.Join(err, updateErr)
}

func (t *tables) interrupt(ctx context.Context, which string, args ...any) (int64, error) {
	q := query{dialect: t.dialect}
	q.add("UPDATE sessions SET status = 'interrupted', reason = 'interrupted', finish = active, written = "+t.now+
		" WHERE status = 'open' AND "+which, args...)
	return t.exec(ctx, &q)
}

// openRuns returns the runs of node that have open sessions.
func (t *tables) openRuns(ctx context.Context, node string) (runs []Run, err error) {
	q := query{dialect: t.dialect}
	q.add("SELECT DISTINCT run FROM sessions WHERE status = 'open' AND node = ?", node)
	rows, err := t.db.QueryContext(ctx, q.text.String(), q.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var run Run
		if err := rows.Scan(&run); err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	return runs, rows.Err()
}

func (t *tables) exec(ctx context.Context, q *query) (int64, error) {
	result, err := t.db.ExecContext(ctx, q.text.String(), q.args...)
	if err != nil {
		return 0, fmt.Errorf("history: %w", err)
	}
	return result.RowsAffected()
}

// upsert returns the end of an INSERT that puts rows in the place of others.
func upsert(columns, key string) string {
	var set []string
	for _, c := range columnsOf(columns) {
		if !strings.Contains(", "+key+",", ", "+c+",") {
			set = append(set, c+" = excluded."+c)
		}
	}
	return " ON CONFLICT (" + key + ") DO UPDATE SET " + strings.Join(set, ", ")
}
