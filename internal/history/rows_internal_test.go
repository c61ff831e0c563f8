package history

import (
	"testing"

	"github.com/socksctl/socksctl/server"
)

// Sessions begin and end while those that are open are looked at: nobody waits until
// all have been. Each that stays is looked at once.
func TestRowsHoldNobodyUp(t *testing.T) {
	const stay, leave = 3 * atOnce, 2 * atOnce
	r := &Recorder{open: make(map[*server.Session]*entry), options: Options{Queue: 1}}
	var going []*server.Session
	for i := range stay + leave {
		s := &server.Session{ID: uint64(i)}
		if i >= stay {
			going = append(going, s)
		}
		r.Opened(s)
	}
	looked := make(map[uint64]int)
	for s, e := range r.rows() {
		looked[s.ID]++
		if e == nil {
			t.Fatalf("session %d has no entry", s.ID)
		}
		if len(going) > 0 {
			r.close(going[0], new(Record))
			going = going[1:]
			r.Opened(&server.Session{ID: uint64(stay + leave + len(looked))})
		}
	}
	for id := range uint64(stay) {
		if looked[id] != 1 {
			t.Errorf("session %d was looked at %d times, want once", id, looked[id])
		}
	}
	if got := len(r.open); got != stay+leave {
		t.Errorf("%d sessions are open, want %d", got, stay+leave)
	}
	for range r.rows() {
		break // leaves it unlocked
	}
	r.Opened(new(server.Session))
}
