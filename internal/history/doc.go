// Package history is the record of sessions, and keeps it. A [Record] is how a
// session looks wherever it is written down: in a store, in the list of live
// sessions, in the audit log.
//
// A [Recorder] is a [server.Observer] that hands what sessions were, and what those
// that are open are doing, to a [Store]: in batches, twice a second. No session
// waits for that. What the store cannot take stays in a bounded queue and is tried
// again; what does not fit is counted.
//
//	place, err := history.Parse("sqlite:///var/lib/socksctl/history.db")
//	store, err := place.Open()
//	recorder := history.Start(store, history.Options{})
//	s := &server.Server{Observer: recorder}
//
// A Store is a SQLite file or a PostgreSQL database; docs/history.md has the
// tables.
package history
