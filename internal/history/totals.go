package history

import (
	"context"
	"database/sql"
	"fmt"
)

// sums adds up what a query for totals selects.
const sums = "CAST(SUM(n) AS BIGINT), CAST(SUM(refused) AS BIGINT), CAST(SUM(up) AS BIGINT), CAST(SUM(down) AS BIGINT), " +
	"CAST(SUM(datagrams_up) AS BIGINT), CAST(SUM(datagrams_down) AS BIGINT), MIN(start), MAX(start)"

// totals makes q the query for the totals of the records that match f.
func (q *query) totals(f *Filter, by Axis) {
	q.add("SELECT MIN(name), " + sums + " FROM (")
	each := *f
	each.Limit = 0 // it is of the totals
	if by == PerDestination {
		q.perDestination(&each)
	} else {
		q.perUser(&each)
	}
	q.add(") AS each GROUP BY key ORDER BY SUM(up) + SUM(down) DESC, key")
	if f.Limit > 0 {
		q.add(" LIMIT ?", int64(f.Limit))
	}
}

const refused = "CASE WHEN s.status = 'refused' THEN 1 ELSE 0 END AS refused"

func (q *query) perUser(f *Filter) {
	q.add("SELECT s.username AS key, s.username AS name, 1 AS n, " + refused +
		", s.up, s.down, s.datagrams_up, s.datagrams_down, s.start")
	q.from(f, "", "")
}

// perDestination has one row for each session and destination.
func (q *query) perDestination(f *Filter) {
	q.add("SELECT s.host_key AS key, s.host AS name, 1 AS n, " + refused +
		", s.up, s.down, s.datagrams_up, s.datagrams_down, s.start")
	q.from(f, "", " AND s.host_key <> ''")
	q.add(" UNION ALL SELECT key, MIN(name), 1, 0, SUM(up), SUM(down), SUM(datagrams_up), SUM(datagrams_down), MIN(start) FROM (" +
		"SELECT t.run, t.id, CASE WHEN t.host_key <> '' THEN t.host_key ELSE t.address_key END AS key, " +
		"CASE WHEN t.host <> '' THEN t.host ELSE t.address END AS name, " +
		"t.up, t.down, t.datagrams_up, t.datagrams_down, t.start")
	q.from(f, " CROSS JOIN targets t", " AND s.command = 'udp' AND t.run = s.run AND t.id = s.id AND t.n >= 0")
	q.window(f, "t.start") // of the session, too: a planner may begin with either
	q.add(") AS t GROUP BY run, id, key")
}

// Totals implements Reader.
func (t *tables) Totals(ctx context.Context, f Filter, by Axis) ([]Total, error) {
	q := query{dialect: t.dialect}
	q.totals(&f, by)
	rows, err := t.db.QueryContext(ctx, q.text.String(), q.args...)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	defer rows.Close()
	var all []Total
	for rows.Next() {
		one, err := scanTotal(rows, by)
		if err != nil {
			return nil, fmt.Errorf("history: %w", err)
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

func scanTotal(rows *sql.Rows, by Axis) (Total, error) {
	var (
		t           Total
		first, last stamp
	)
	name := &t.User
	if by == PerDestination {
		name = &t.Destination
	}
	err := rows.Scan(name, &t.Sessions, &t.Refused, &t.Up, &t.Down, &t.DatagramsUp, &t.DatagramsDown, &first, &last)
	t.First, t.Last = first.Time, last.Time
	return t, err
}
