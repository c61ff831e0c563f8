package history

import (
	"strings"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/socksctl/socksctl/internal/destination"
)

// dialect is what one kind of database has differently.
type dialect struct {
	kind        string // of its migrations
	goose       goose.Dialect
	hasVersion  string              // a query: whether there is a schema_version
	placeholder func(n int) string  // of the nth argument, from 1
	stamp       func(time.Time) any // a time as an argument; NULL for none
	now         string              // the time of the moment, as an expression
}

// query is a statement in the making, with its arguments.
type query struct {
	dialect
	text strings.Builder
	args []any
}

// add appends text, in which each ? stands for one of args.
func (q *query) add(text string, args ...any) {
	for _, arg := range args {
		before, after, _ := strings.Cut(text, "?")
		q.args = append(q.args, arg)
		q.text.WriteString(before + q.placeholder(len(q.args)))
		text = after
	}
	q.text.WriteString(text)
}

// conditions appends what f says of sessions, the destination apart. What an
// index leaves out is left out in so many words: not every planner sees that it
// follows.
func (q *query) conditions(f *Filter) {
	if f.User != "" {
		q.add(" AND s.username <> '' AND s.username = ?", f.User)
	}
	switch {
	case f.Status == string(Open):
		q.add(" AND s.status <> 'closed' AND s.status = 'open'")
	case f.Status == string(Closed), f.Status == "ok":
		q.add(" AND s." + columnOf(f.Status) + " = '" + f.Status + "'")
	case isStatus(f.Status):
		q.add(" AND s.status <> 'closed' AND s.status = ?", f.Status)
	case f.Status != "":
		q.add(" AND s.reason <> 'ok' AND s.reason = ?", f.Status)
	}
	q.window(f, "s.start")
	if !f.writtenSince.IsZero() {
		q.add(" AND s.status <> 'open' AND s.written >= ?", q.stamp(f.writtenSince))
	}
}

// window appends what f says of a start.
func (q *query) window(f *Filter, start string) {
	if !f.Since.IsZero() {
		q.add(" AND "+start+" >= ?", q.stamp(f.Since))
	}
	if !f.Until.IsZero() {
		q.add(" AND "+start+" < ?", q.stamp(f.Until))
	}
}

// columnOf returns the column that a word stands in.
func columnOf(word string) string {
	if isStatus(word) {
		return "status"
	}
	return "reason"
}

// order appends the order and the limit of f.
func (q *query) order(f *Filter) {
	switch {
	case !f.writtenSince.IsZero():
		q.add(" ORDER BY s.written, s.start, s.id")
	case f.Order == ByBytes:
		q.add(" ORDER BY s.bytes DESC, s.start DESC, s.id DESC")
	default:
		q.add(" ORDER BY s.start DESC, s.id DESC")
	}
	if f.Limit > 0 {
		q.add(" LIMIT ?", int64(f.Limit))
	}
}

// sessions makes q the query for the records that match f.
func (q *query) sessions(f *Filter) {
	q.add("SELECT s." + strings.Join(columnsOf(sessionColumns), ", s.") + ", s.written")
	q.from(f, "", "")
	q.order(f)
}

// from appends where the sessions come from that match f, and with which others.
// A CROSS JOIN is a join like any other, but SQLite takes its tables in order.
func (q *query) from(f *Filter, also, where string) {
	keyed := f.To != (destination.Pattern{})
	q.add(" FROM ")
	if keyed {
		q.add("(")
		q.wentTo(f)
		q.add(") AS k CROSS JOIN ")
	}
	q.add("sessions s" + also + " WHERE true" + where)
	if keyed {
		q.add(" AND s.run = k.run AND s.id = k.id")
		return
	}
	q.conditions(f)
}
