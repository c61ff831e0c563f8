package history

import (
	"context"
	"time"
)

// follow yields records as they are written, from now on and until ctx ends.
func (t *tables) follow(ctx context.Context, f Filter, yield func(Record, error) bool) {
	now := stamp{f.writtenSince}
	if now.IsZero() {
		if err := t.db.QueryRowContext(ctx, "SELECT "+t.now).Scan(&now); err != nil {
			yield(Record{}, err)
			return
		}
	}
	f.Follow, f.Limit = false, 0
	seen := seen{began: now.Time, from: now.Time, at: make(map[recordKey]time.Time)}
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		f.writtenSince = seen.from.Add(-overlap)
		more, err := t.yieldAll(ctx, &f, func(r Record, written time.Time, err error) bool {
			return ctx.Err() == nil && (err == nil && !seen.add(r, written) || yield(r, err))
		})
		if !more || err != nil {
			return
		}
		seen.prune()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// seen is what a follower has come past: to the last time that it saw, and the
// records from shortly before that.
type seen struct {
	began, from time.Time
	at          map[recordKey]time.Time
}

// add tells whether r is new.
func (s *seen) add(r Record, written time.Time) bool {
	key := recordKey{r.Run, r.ID}
	_, old := s.at[key]
	s.at[key] = written
	if written.After(s.from) {
		s.from = written
	}
	return !old && !written.Before(s.began)
}

// prune forgets what is not going to be asked for again.
func (s *seen) prune() {
	for key, written := range s.at {
		if written.Before(s.from.Add(-overlap)) {
			delete(s.at, key)
		}
	}
}
