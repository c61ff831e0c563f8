package history

import (
	"iter"
	"runtime"

	"github.com/socksctl/socksctl/server"
)

// atOnce is how many open sessions are looked at before those that begin and end have
// their turn.
const atOnce = 64

// row is an open session, and what is known of its row.
type row struct {
	*server.Session
	*entry
}

// rows returns the open sessions, for the keeper. There may be thousands of them, and
// no session waits until all have been looked at: r.mu is held while some are found,
// and not while they are yielded.
func (r *Recorder) rows() iter.Seq2[*server.Session, *entry] {
	return func(yield func(*server.Session, *entry) bool) {
		var some [atOnce]row
		n := 0
		r.mu.Lock()
		for s, e := range r.open {
			if e == nil {
				e = new(entry)
				r.open[s] = e
			}
			some[n] = row{s, e}
			if n++; n < len(some) {
				continue
			}
			r.mu.Unlock()
			if !each(some[:], yield) {
				return
			}
			n = 0
			runtime.Gosched() // who waits for the lock comes first
			r.mu.Lock()
		}
		r.mu.Unlock()
		each(some[:n], yield)
	}
}

func each(some []row, yield func(*server.Session, *entry) bool) bool {
	for _, one := range some {
		if !yield(one.Session, one.entry) {
			return false
		}
	}
	return true
}
