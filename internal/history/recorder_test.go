package history_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/internal/history"
	"github.com/socksctl/socksctl/server"
)

var errDown = errors.New("the store is down")

// book is a Writer in memory.
type book struct {
	mu      sync.Mutex
	rows    map[uint64]history.Record
	writes  int           // calls of Write
	begins  int           // calls of Begin
	expired []time.Time   // what Expire was called with
	more    int           // how often Expire has more to do
	down    bool          // everything fails
	slow    time.Duration // each Write takes
	late    time.Duration // each Begin takes
	poison  uint64        // the id that is not taken
}

func (b *book) Begin(context.Context, string, history.Run) (int64, error) {
	time.Sleep(b.late)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.begins++
	if b.down {
		return 0, errDown
	}
	return 0, nil
}

func (b *book) Write(ctx context.Context, records []history.Record) error {
	b.mu.Lock()
	slow := b.slow
	b.mu.Unlock()
	select {
	case <-time.After(slow):
	case <-ctx.Done():
		return ctx.Err()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writes++
	if b.down {
		return errDown
	}
	for _, r := range records {
		if r.ID == b.poison && r.ID != 0 {
			return fmt.Errorf("%w: no. %d", history.ErrRecord, r.ID)
		}
	}
	if b.rows == nil {
		b.rows = make(map[uint64]history.Record)
	}
	for _, r := range records {
		b.rows[r.ID] = r
	}
	return nil
}

func (b *book) Finish(_ context.Context, _ history.Run, ends []history.End) (closed int64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		return 0, errDown
	}
	for _, e := range ends {
		if r, ok := b.rows[e.ID]; ok && r.Status == history.Open {
			r.Up = e.Up
			b.rows[e.ID] = r
			closed++
		}
	}
	return closed, nil
}

func (b *book) Expire(_ context.Context, before time.Time) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expired = append(b.expired, before)
	b.more--
	return b.more >= 0, nil
}

// set changes b for what comes.
func (b *book) set(change func(*book)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(b)
}

func (b *book) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.rows)
}

// calls returns how often Write and Begin were called.
func (b *book) calls() (writes, begins int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.writes, b.begins
}

func (b *book) row(id uint64) history.Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rows[id]
}

// made returns a session that no server has.
func made(id uint64) *server.Session {
	return &server.Session{ID: id, Start: time.Now(), Client: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: int(id)}, Command: "connect", Host: "example.com", Port: 443}
}

// inBubble runs test with a recorder and what it writes to, under a clock of its
// own. The recorder wakes a moment after each full second.
func inBubble(t *testing.T, o history.Options, b *book, test func(t *testing.T, r *history.Recorder)) {
	synctest.Test(t, func(t *testing.T) {
		r := history.Start(b, o)
		defer r.Close()
		synctest.Wait()
		time.Sleep(time.Millisecond)
		test(t, r)
	})
}

// An open session has its row within a second, and again when it has changed; an
// end is written within a second too.
func TestRecorderWritesWithinASecond(t *testing.T) {
	b := new(book)
	inBubble(t, history.Options{}, b, func(t *testing.T, r *history.Recorder) {
		s := made(1)
		r.Opened(s)
		time.Sleep(time.Second)
		if got := b.row(1); got.Run != r.Run() || got.Status != history.Open || got.Host != "example.com" {
			t.Errorf("after a second: %+v", got)
		}
		for range 3 {
			time.Sleep(time.Second)
		}
		if n, _ := b.calls(); n != 1 {
			t.Errorf("%d writes of a session that did nothing, want 1", n)
		}
		s.BytesUp.Store(9)
		s.SetRule("no. 1")
		time.Sleep(time.Second)
		if got := b.row(1); got.Up != 9 || got.Rule != "no. 1" {
			t.Errorf("a second after it changed: %+v", got)
		}
		s.BytesDown.Store(8)
		r.Closed(s)
		time.Sleep(time.Second)
		if got := b.row(1); got.Down != 8 {
			t.Errorf("a second after its end: %+v", got)
		}
		time.Sleep(time.Hour)
		if n, _ := b.calls(); n != 3 {
			t.Errorf("%d writes, want 3, and none of what is over", n)
		}
	})
}

// A row that nobody touches for long would be taken for one of the dead.
func TestRecorderShowsThatItLives(t *testing.T) {
	b := new(book)
	inBubble(t, history.Options{}, b, func(t *testing.T, r *history.Recorder) {
		r.Opened(made(1))
		time.Sleep(time.Hour)
		if writes, begins := b.calls(); writes < 6 || writes > 8 || begins < 59 || begins > 61 {
			t.Errorf("%d writes and %d begins in an hour, want 6 and 60", writes, begins)
		}
	})
}

// Whenever the process is killed, all that ended a second earlier is written.
func TestRecorderLosesASecondAtMost(t *testing.T) {
	b := new(book)
	inBubble(t, history.Options{}, b, func(t *testing.T, r *history.Recorder) {
		var ended []time.Time
		due := 0
		for i := range 5000 { // 200 a second
			s := made(uint64(i + 1))
			r.Opened(s)
			r.Closed(s)
			ended = append(ended, time.Now())
			time.Sleep(5 * time.Millisecond)
			for due < len(ended) && time.Since(ended[due]) >= time.Second {
				due++
			}
			if got := b.count(); got < due {
				t.Fatalf("%d written, and %d ended a second ago", got, due)
			}
		}
		if n, _ := b.calls(); n > 60 {
			t.Errorf("%d writes in 25 seconds", n)
		}
	})
	if b.count() != 5000 {
		t.Errorf("%d written, want 5,000", b.count())
	}
}

// Until the store has answered it is not known that it can be written to.
func TestRecorderBeforeItsStoreAnswers(t *testing.T) {
	b := &book{late: time.Minute}
	inBubble(t, history.Options{}, b, func(t *testing.T, r *history.Recorder) {
		if r.Fault() == nil {
			t.Error("no fault before the store has answered")
		}
		time.Sleep(time.Minute)
		if err := r.Fault(); err != nil {
			t.Errorf("got %v after the store has answered", err)
		}
	})
}

// The end is no loss where nothing waits to be written.
func TestRecorderEndsWithoutItsStore(t *testing.T) {
	for sessions, want := range []string{"level=WARN", "level=ERROR"} {
		logged := new(bytes.Buffer)
		o := history.Options{Log: slog.New(slog.NewTextHandler(logged, nil))}
		inBubble(t, o, &book{down: true}, func(t *testing.T, r *history.Recorder) {
			time.Sleep(time.Minute)
			logged.Reset()
			for i := range sessions {
				r.Closed(made(uint64(i + 1)))
			}
		})
		if !strings.Contains(logged.String(), want) || strings.Count(logged.String(), "\n") != 1 {
			t.Errorf("%d sessions: got %q, want one line with %s", sessions, logged, want)
		}
	}
}

// While the store is down what ends waits, as far as there is room, and what is
// open is written anew when it is back.
func TestRecorderSurvivesItsStore(t *testing.T) {
	b, logged := &book{down: true}, new(bytes.Buffer)
	o := history.Options{Queue: 5, Log: slog.New(slog.NewTextHandler(logged, nil))}
	inBubble(t, o, b, func(t *testing.T, r *history.Recorder) {
		open := made(100)
		r.Opened(open)
		for i := range 8 {
			r.Closed(made(uint64(i + 1)))
		}
		time.Sleep(10 * time.Minute)
		if !errors.Is(r.Fault(), errDown) || r.Dropped() != 3 || b.count() != 0 {
			t.Errorf("fault %v, %d dropped, %d written", r.Fault(), r.Dropped(), b.count())
		}
		if _, n := b.calls(); n < 20 || n > 60 {
			t.Errorf("%d attempts in ten minutes, want one each half minute", n)
		}
		b.set(func(b *book) { b.down = false })
		time.Sleep(time.Minute)
		if r.Fault() != nil || b.count() != 6 || b.row(100).ID != 100 {
			t.Errorf("fault %v, %d written, want 5 and the open one", r.Fault(), b.count())
		}
		b.set(func(b *book) { b.down, b.rows = true, nil })
		r.Closed(made(50))
		time.Sleep(time.Minute)
		b.set(func(b *book) { b.down = false })
		time.Sleep(time.Minute)
		if b.count() != 2 || r.Dropped() != 3 {
			t.Errorf("%d written, %d dropped, want 2 and 3", b.count(), r.Dropped())
		}
	})
	if warnings, infos := strings.Count(logged.String(), "level=WARN"), strings.Count(logged.String(), "level=INFO"); warnings != 2 || infos != 2 {
		t.Errorf("want one line when it fails and one when it is back, each time:\n%s", logged)
	}
}

// What ends while there is no room left has its row closed all the same, as soon as
// the store is back, as far as that can be kept in mind.
func TestRecorderClosesRowsOfWhatIsLost(t *testing.T) {
	const queue, open = 2, 2 + 4*2 + 3 // so many that three are lost
	b := new(book)
	inBubble(t, history.Options{Queue: queue}, b, func(t *testing.T, r *history.Recorder) {
		var all []*server.Session
		for i := range open {
			all = append(all, made(uint64(i+1)))
			r.Opened(all[i])
		}
		time.Sleep(time.Second)
		b.set(func(b *book) { b.down = true })
		time.Sleep(time.Second)
		for i, s := range all {
			s.BytesUp.Store(int64(i + 1))
			r.Closed(s)
		}
		unseen := made(99) // has no row
		r.Opened(unseen)
		r.Closed(unseen)
		if r.Dropped() != 4 {
			t.Errorf("%d lost, want 4", r.Dropped())
		}
		b.set(func(b *book) { b.down = false })
		time.Sleep(time.Minute)
		left := 0
		for i := range open {
			switch b.row(uint64(i + 1)).Up {
			case 0: // as it was when it was open
				left++
			case int64(i + 1):
			default:
				t.Errorf("got %+v", b.row(uint64(i+1)))
			}
		}
		if left != 3 || r.Dropped() != 4 || r.Fault() != nil {
			t.Errorf("%d rows are open, %d lost, fault %v, want 3, 4 and none", left, r.Dropped(), r.Fault())
		}
	})
}

// A store that hangs holds no session up, and the end waits for it only so long.
func TestRecorderDoesNotWait(t *testing.T) {
	b := &book{slow: time.Hour}
	var took time.Duration
	inBubble(t, history.Options{}, b, func(t *testing.T, r *history.Recorder) {
		begin := time.Now()
		for i := range 2000 {
			s := made(uint64(i + 1))
			r.Opened(s)
			r.Closed(s)
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("sessions waited %v", took)
		}
		time.Sleep(time.Minute)
		if r.Fault() == nil {
			t.Error("no fault")
		}
		begin = time.Now()
		r.Close()
		took = time.Since(begin)
		if r.Dropped() != 2000 {
			t.Errorf("%d lost, want 2,000", r.Dropped())
		}
	})
	if took != 5*time.Second {
		t.Errorf("the end took %v, want 5 s", took)
	}
}

// A record that the store does not take costs no other.
func TestRecorderLeavesOutWhatIsNotTaken(t *testing.T) {
	b, logged := &book{poison: 3}, new(bytes.Buffer)
	inBubble(t, history.Options{Log: slog.New(slog.NewTextHandler(logged, nil))}, b, func(t *testing.T, r *history.Recorder) {
		for range 2 {
			for i := range 5 {
				r.Closed(made(uint64(i + 1)))
			}
			time.Sleep(time.Second)
		}
		if b.count() != 4 || r.Dropped() != 2 || r.Fault() != nil {
			t.Errorf("%d written, %d lost, fault %v", b.count(), r.Dropped(), r.Fault())
		}
	})
	if got := strings.Count(logged.String(), "id=3"); got != 1 {
		t.Errorf("told %d times of it:\n%s", got, logged)
	}
}

// What is too old is deleted at once, some at a time, and then hourly.
func TestRecorderExpires(t *testing.T) {
	b := &book{more: 2}
	var begin time.Time
	inBubble(t, history.Options{Retention: 24 * time.Hour}, b, func(t *testing.T, _ *history.Recorder) {
		begin = time.Now().Add(-time.Millisecond)
		time.Sleep(150 * time.Minute)
	})
	var got []string
	for _, at := range b.expired {
		got = append(got, at.Sub(begin.Add(-24*time.Hour)).Round(time.Minute).String())
	}
	if diff := cmp.Diff("0s 0s 0s 1h0m0s 2h0m0s", strings.Join(got, " ")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	never := new(book)
	inBubble(t, history.Options{}, never, func(*testing.T, *history.Recorder) { time.Sleep(3 * time.Hour) })
	if len(never.expired) != 0 {
		t.Errorf("without an age: deleted %d times", len(never.expired))
	}
}
