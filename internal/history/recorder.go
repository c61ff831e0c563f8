package history

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/socksctl/socksctl/internal/human"
	"github.com/socksctl/socksctl/server"
)

// Options are how a [Recorder] works. The zero value is the defaults that each
// field names.
type Options struct {
	Node         string        // the Server's
	Retention    time.Duration // after which records are deleted, by their start; 0: never
	Destinations Destinations  // what is kept of them; empty: full
	Interval     time.Duration // from one write to the next; 0.5 s: a second at most is lost, also when writing takes its time
	Queue        int           // records that wait for the store; 65,536. Of four times as many more, the ends do
	Log          *slog.Logger  // nil logs nothing
}

// Recorder is a [server.Observer] that writes down every session. Its methods
// may be called from any goroutine.
type Recorder struct {
	store   Writer
	options Options
	run     Run
	cancel  context.CancelFunc
	done    chan struct{} // closed when nothing more is written

	mu      sync.Mutex
	open    map[*server.Session]*entry // nil: it was not looked at yet
	ended   pile                       // of those that are over
	late    []End                      // of those that there was no room for, and whose rows are open
	dropped int64
	fault   error // of the last attempt to write
}

var _ server.Observer = (*Recorder)(nil)

// entry is what is known of the row of an open session. Only the keeper changes it.
type entry struct {
	wrote state       // what is in it
	isOut atomic.Bool // there may be one
	at    time.Time   // when it was written; zero: never, or it may be gone. Recorder.mu guards it
}

// state is what changes while a session is open.
type state struct {
	active       time.Time
	up, down     int64
	datagrams    int64
	drops        int64
	stage        server.Stage
	rule, egress string
}

// Start returns a Recorder that writes to store, until its Close: store may be
// closed after that.
func Start(store Writer, o Options) *Recorder {
	if o.Interval == 0 {
		o.Interval = time.Second / 2
	}
	if o.Queue == 0 {
		o.Queue = 1 << 16
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &Recorder{
		store: store, options: o, run: newRun(), cancel: cancel, done: make(chan struct{}),
		open: make(map[*server.Session]*entry), fault: errNotYet,
	}
	go newKeeper(r).run(ctx) // ends with Close
	return r
}

func newRun() Run {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return Run(binary.BigEndian.Uint64(b[:]) >> 1)
}

// Close writes what there is, for a few seconds at most, and ends the Recorder.
func (r *Recorder) Close() {
	r.cancel()
	<-r.done
}

// Opened implements server.Observer. What is over before the next write has no row,
// and so no entry.
func (r *Recorder) Opened(s *server.Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open[s] = nil
}

// Closed implements server.Observer.
func (r *Recorder) Closed(s *server.Session) {
	rec := r.record(s, r.since(s))
	r.makeAhead(r.close(s, &rec))
}

// since returns when the targets of s were written, if it may have any.
func (r *Recorder) since(s *server.Session) time.Time {
	if s.Command != "udp" {
		return time.Time{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.open[s]; e != nil {
		return e.at
	}
	return time.Time{}
}

// close has rec written, which is how s ended, or at least its row closed. If a piece
// of the pile is to be made ahead, it returns the size.
func (r *Recorder) close(s *server.Session, rec *Record) (ahead int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.open[s]
	delete(r.open, s)
	switch {
	case r.ended.count < r.options.Queue:
		return r.ended.add(rec)
	case e != nil && e.isOut.Load():
		r.keepEnd(rec)
	default:
		r.dropped++
	}
	return 0
}

// makeAhead makes a piece of the pile, if it is to be of any size.
func (r *Recorder) makeAhead(size int) {
	if size == 0 {
		return
	}
	piece := make([]Record, 0, size)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended.ahead = piece
}

// keepEnd has the row of a record closed later, whose record is lost. r.mu is held.
func (r *Recorder) keepEnd(rec *Record) {
	if len(r.late) >= latePerPlace*r.options.Queue {
		r.dropped++
		return
	}
	r.late = append(r.late, endOf(rec))
}

// Run returns what the records of r have as theirs.
func (r *Recorder) Run() Run { return r.run }

// latePerPlace is how many ends are kept for each place in the queue: an eighth of a
// record each.
const latePerPlace = 4

// Dropped returns how many records were lost: there was no room for them, or the
// store did not take them. Those whose rows were closed all the same are not among
// them.
func (r *Recorder) Dropped() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dropped
}

// errNotYet is the fault before the first attempt to write is over.
var errNotYet = errors.New("history: the store has not answered yet")

// Fault returns why the store could not be written to, or that it was not yet, and
// nil when it could.
func (r *Recorder) Fault() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fault
}

// record returns what is written of s, of whose targets those that may have
// changed since a time: what is being counted at the moment has a time of before.
func (r *Recorder) record(s *server.Session, since time.Time) Record {
	rec := RecordOf(s)
	rec.Run = r.run
	rec.Targets = slices.DeleteFunc(rec.Targets, func(t Target) bool { return t.Last.Before(since.Add(-time.Second)) })
	r.options.Destinations.apply(&rec)
	return rec
}

// stateOf returns what is to be compared with what was written.
func stateOf(s *server.Session) state {
	st := state{
		active: s.Active(), up: s.BytesUp.Load(), down: s.BytesDown.Load(), stage: s.Stage(), rule: s.Rule(),
		datagrams: s.DatagramsUp.Load() + s.DatagramsDown.Load(),
	}
	for _, n := range s.Dropped() {
		st.drops += n
	}
	if bound := s.Bound(); bound != nil {
		st.egress = human.Address(bound)
	}
	return st
}

// waiting returns how many records wait, and some of the first of them.
func (r *Recorder) waiting(most int) (all int, first []Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended.count, r.ended.first(most)
}

// written takes out the first records that wait.
func (r *Recorder) written(first []Record) {
	r.mu.Lock()
	ahead := r.ended.drop(len(first))
	r.mu.Unlock()
	clear(first) // the piece that they are in may hold others
	r.makeAhead(ahead)
}

// lateEnds returns some of the ends that wait.
func (r *Recorder) lateEnds(most int) []End {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.late[:min(most, len(r.late))])
}

// finished takes out the first n ends that wait, of which so many had no row.
func (r *Recorder) finished(n int, lost int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropped += lost
	r.late = r.late[n:]
	if len(r.late) == 0 {
		r.late = nil
	}
}

// changed is an open session whose row is to be written.
type changed struct {
	*server.Session
	entry *entry
	state state
	since time.Time
}

// rests tells whether nothing can have changed since the row of s was written: no
// bytes have moved in a tunnel that is joined. It is asked about all that are open,
// again and again, and looks at little for it. A rule that decided anew meanwhile
// waits for the next byte, or the heartbeat.
func (e *entry) rests(s *server.Session, now time.Time) bool {
	return s.Stage() == server.StageRelay && e.wrote.stage == server.StageRelay && s.Command != "udp" &&
		e.wrote.active.Equal(s.Active()) && now.Sub(e.at) <= heartbeat
}

// changes returns the open sessions that are not as they were written, or were
// not for long.
func (r *Recorder) changes(now time.Time) (all []changed) {
	for s, e := range r.rows() {
		if e.rests(s, now) {
			continue
		}
		st := stateOf(s)
		if e.at.IsZero() || e.wrote != st || now.Sub(e.at) > heartbeat {
			e.isOut.Store(true)
			all = append(all, changed{s, e, st, e.at})
		}
	}
	return all
}

// wrote notes what was written, before now.
func (r *Recorder) wrote(all []changed, now time.Time) {
	for _, c := range all {
		c.entry.wrote = c.state
	}
	for some := range slices.Chunk(all, atOnce) {
		r.mu.Lock()
		for _, c := range some {
			c.entry.at = now
		}
		r.mu.Unlock()
	}
}

// forget has the rows of all open sessions written anew.
func (r *Recorder) forget() {
	for _, e := range r.rows() {
		e.wrote = state{}
		r.mu.Lock()
		e.at = time.Time{}
		r.mu.Unlock()
	}
}

func (r *Recorder) lose(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropped += int64(n)
}

func (r *Recorder) setFault(err error) (before error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, r.fault = r.fault, err
	return before
}
