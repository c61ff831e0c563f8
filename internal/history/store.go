package history

import (
	"context"
	"io"
	"iter"
	"time"
)

// Writer is the side of a [Store] that a [Recorder] uses. Its methods are called
// from one goroutine.
type Writer interface {
	// Begin makes the store ready for the records of a run on a node, and closes
	// as interrupted what runs of that node left open that are not alive any more;
	// it returns how many those were. It may be called again at any time.
	Begin(ctx context.Context, node string, run Run) (interrupted int64, err error)

	// Write puts records, all of them or none, in the place of those with the same
	// run and id. Of their targets it replaces those that are given. An error that
	// wraps ErrRecord is the fault of a record, and any other of the store.
	Write(ctx context.Context, records []Record) error

	// Finish closes the rows of a run that are open as ends have it, and returns how
	// many those were. It is for sessions whose records are lost.
	Finish(ctx context.Context, run Run, ends []End) (closed int64, err error)

	// Expire deletes records of sessions that began before a time and are not
	// open, and tells whether there may be more of them.
	Expire(ctx context.Context, before time.Time) (more bool, err error)
}

// Reader is the side of a [Store] that is asked.
type Reader interface {
	// Sessions returns the records that match f, in its order. An error is the
	// last that it yields.
	Sessions(ctx context.Context, f Filter) iter.Seq2[Record, error]

	// Totals adds up the sessions that match f, for each user or destination.
	Totals(ctx context.Context, f Filter, by Axis) ([]Total, error)

	// Forget deletes the records of a user, and of refused logins by that name,
	// and returns how many those were.
	Forget(ctx context.Context, user string) (int64, error)
}

// Store is where records are kept.
type Store interface {
	Writer
	Reader
	io.Closer
}
