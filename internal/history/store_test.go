package history_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/socksctl/socksctl/internal/history"
)

// place is where a test has a store of its own, empty at first.
type place struct {
	history.Location
}

// open opens the store as a server does, for run on node a.
func (p place) open(t *testing.T, run history.Run) history.Store {
	t.Helper()
	s, err := p.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if _, err := s.Begin(t.Context(), "a", run); err != nil {
		t.Fatal(err)
	}
	return s
}

// eachStore runs test with every kind of store.
func eachStore(t *testing.T, test func(t *testing.T, p place)) {
	for kind, where := range kinds() {
		t.Run(kind, func(t *testing.T) { test(t, where(t)) })
	}
}

var begin = time.Date(2026, 5, 4, 3, 2, 1, 654321000, time.UTC)

// after returns a time of the test's day.
func after(d time.Duration) time.Time { return begin.Add(d) }

// full is a record with all that one can have.
func full() history.Record {
	return history.Record{
		ID: 7, Run: 1, Node: "a", Status: history.Closed, Reason: "ok", Stage: "relay", Reply: 4,
		Start: begin, Active: after(time.Second), End: after(2 * time.Second),
		Client: "192.0.2.1:5555", Via: "10.0.0.1:6666", Listener: "[::1]:1443", TLS: "TLS 1.3", Serial: "1f",
		User: "alice", Tried: "bob", Groups: []string{"staff", `with "quotes"`}, Method: "certificate",
		Command: "udp", Host: "Example.com", Port: 443, Resolved: netip.MustParseAddrPort("[2001:db8::1]:443"),
		Egress: "198.51.100.1:4444", Rule: "no. 1", Up: 1, Down: 1 << 40, DatagramsUp: 3, DatagramsDown: 4,
		Dropped: map[string]int64{"denied": 5}, Error: `dial "x": refused`,
		Targets: []history.Target{
			{Host: "a.example", Address: netip.MustParseAddr("192.0.2.7"), Port: 53, Up: 1, Down: 2, DatagramsUp: 3, DatagramsDown: 4, First: begin, Last: after(time.Second)},
			{Up: 5, DatagramsUp: 6, First: begin, Last: begin},
		},
	}
}

// numbered gives the targets of r their places.
func numbered(r history.Record) history.Record {
	for i := range r.Targets {
		n := i
		if t := r.Targets[i]; t.Host == "" && !t.Address.IsValid() && t.Port == 0 {
			n = -1
		}
		history.Number(&r.Targets[i], n)
	}
	return r
}

func store(t *testing.T, s history.Store, records ...history.Record) {
	t.Helper()
	for i := range records {
		records[i] = numbered(records[i])
	}
	if err := s.Write(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

// all returns what matches f.
func all(t *testing.T, s history.Reader, f history.Filter) (records []history.Record) {
	t.Helper()
	for r, err := range s.Sessions(t.Context(), f) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	return records
}

// want compares what is in s with records, the newest first.
func want(t *testing.T, s history.Reader, records ...history.Record) {
	t.Helper()
	got := all(t, s, history.Filter{})
	options := []cmp.Option{cmpopts.IgnoreUnexported(history.Target{}), cmpopts.EquateComparable(netip.AddrPort{}, netip.Addr{}), cmpopts.EquateEmpty()}
	if diff := cmp.Diff(records, got, options...); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestStoreKeepsAllOfARecord(t *testing.T) {
	eachStore(t, func(t *testing.T, p place) {
		s := p.open(t, 1)
		bare := history.Record{ID: 1, Run: 2, Node: "b", Status: history.Open, Stage: "relay", Start: after(time.Hour), Active: after(time.Hour), Client: "@", Listener: "/x"}
		store(t, s, full(), bare)
		want(t, s, bare, full())
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := p.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		want(t, again, bare, full())
	})
}

// An end closes the row that it is of, if that is open, and leaves the rest of it.
func TestStoreFinishes(t *testing.T) {
	eachStore(t, func(t *testing.T, p place) {
		s := p.open(t, 1)
		open, closed, other := full(), full(), full()
		open.Status, open.Reason, open.End, open.Targets = history.Open, "", time.Time{}, nil
		closed.ID, closed.Targets = 8, nil
		other.Run, other.Status, other.Targets = 2, history.Open, nil
		other.Start, closed.Start = after(-time.Hour), after(-time.Minute)
		store(t, s, open, closed, other)
		end := history.End{ID: 7, Status: history.Closed, Reason: "aborted", Stage: "dial", Active: after(time.Minute), Time: after(time.Hour), Up: 11, Down: 12, DatagramsUp: 13, DatagramsDown: 14}
		late, absent := end, end
		late.ID, absent.ID = 8, 9
		n, err := s.Finish(t.Context(), 1, []history.End{end, late, absent})
		if n != 1 || err != nil {
			t.Errorf("closed %d, %v, want 1", n, err)
		}
		open.Status, open.Reason, open.Stage, open.Active, open.End = end.Status, end.Reason, end.Stage, end.Active, end.Time
		open.Up, open.Down, open.DatagramsUp, open.DatagramsDown = 11, 12, 13, 14
		want(t, s, open, closed, other)
	})
}

// A record replaces the one of before, and each of its targets.
func TestStoreReplaces(t *testing.T) {
	eachStore(t, func(t *testing.T, p place) {
		s := p.open(t, 1)
		r := full()
		r.Status, r.Reason, r.End = history.Open, "", time.Time{}
		store(t, s, r)
		want(t, s, r)
		end := full()
		end.Up, end.Targets = 99, append(end.Targets[:0:0], end.Targets...)
		end.Targets[1].Up = 77
		last := end
		last.Targets = last.Targets[1:] // the first did not change
		store(t, s, last)
		want(t, s, end)
	})
}

// What cannot be written is the record's fault, and nothing of its batch is.
func TestStoreTakesAllOrNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, p place) {
		s := p.open(t, 1)
		bad := full()
		bad.ID = 1 << 63
		if err := s.Write(t.Context(), []history.Record{numbered(full()), bad}); !errors.Is(err, history.ErrRecord) {
			t.Errorf("got %v, want ErrRecord", err)
		}
		want(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Write(ctx, []history.Record{numbered(full())}); err == nil || errors.Is(err, history.ErrRecord) {
			t.Errorf("after its end: got %v, want an error that is not the record's fault", err)
		}
		want(t, s)
	})
}

// More records than are read at once, and more targets.
func TestStoreReadsMany(t *testing.T) {
	eachStore(t, func(t *testing.T, p place) {
		s := p.open(t, 1)
		var records []history.Record
		for i := range 300 {
			r := full()
			r.ID, r.Start = uint64(i), after(-time.Duration(i)*time.Second)
			if i%3 == 0 {
				r.Command, r.Targets = "connect", nil
			}
			for n := range r.Targets {
				r.Targets[n].Up = int64(i)
			}
			records = append(records, r)
		}
		store(t, s, records...)
		want(t, s, records...)
		for range s.Sessions(t.Context(), history.Filter{}) {
			break // and gives everything back
		}
	})
}

func TestStoreForgets(t *testing.T) {
	eachStore(t, func(t *testing.T, p place) {
		s := p.open(t, 1)
		r := func(id uint64, user, tried string) history.Record {
			r := full()
			r.ID, r.User, r.Tried, r.Start = id, user, tried, after(-time.Duration(id)*time.Second)
			return r
		}
		store(t, s, r(0, "alice", ""), r(1, "", "alice"), r(2, "bob", ""), r(3, "", ""))
		for _, user := range []string{"", "carol", "Alice"} {
			if n, err := s.Forget(t.Context(), user); n != 0 || err != nil {
				t.Errorf("%q: forgot %d, %v", user, n, err)
			}
		}
		if n, err := s.Forget(t.Context(), "alice"); n != 2 || err != nil {
			t.Errorf("forgot %d, %v, want 2", n, err)
		}
		want(t, s, r(2, "bob", ""), r(3, "", ""))
		store(t, s, func() history.Record { r := r(0, "alice", ""); r.Targets = nil; return r }())
		if got := all(t, s, history.Filter{User: "alice"}); len(got) != 1 || len(got[0].Targets) != 0 {
			t.Errorf("got %+v, want no targets of what was forgotten", got)
		}
	})
}

func TestStoreExpires(t *testing.T) {
	eachStore(t, func(t *testing.T, p place) {
		s := p.open(t, 1)
		r := func(id int, status history.Status) history.Record {
			r := full()
			r.ID, r.Start, r.Status, r.Targets = uint64(id), after(time.Duration(id)*time.Second), status, nil
			return r
		}
		var records []history.Record
		for i := range history.ExpireAtOnce + 10 {
			records = append(records, r(i, history.Closed))
		}
		records[1] = r(1, history.Open)
		store(t, s, records...)
		before := after((history.ExpireAtOnce + 5) * time.Second)
		for _, more := range []bool{true, false} {
			if got, err := s.Expire(t.Context(), before); got != more || err != nil {
				t.Errorf("more %v, %v, want %v", got, err, more)
			}
		}
		kept := []history.Record{records[1]}
		for i := history.ExpireAtOnce + 5; i < len(records); i++ {
			kept = append([]history.Record{records[i]}, kept...)
		}
		want(t, s, kept...)
	})
}

// What a run left open that is dead is closed, and what a live one has open is not.
func TestStoreClosesWhatWasInterrupted(t *testing.T) {
	eachStore(t, func(t *testing.T, p place) {
		open := func(run history.Run, id uint64, node string) history.Record {
			r := full()
			r.Run, r.ID, r.Node, r.Targets = run, id, node, nil
			r.Status, r.Reason, r.End, r.Start = history.Open, "", time.Time{}, after(time.Duration(-run)*time.Hour)
			return r
		}
		live := p.open(t, 1)
		store(t, live, open(1, 1, "a"))
		dead := p.open(t, 2)
		store(t, dead, open(2, 1, "a"), full())
		if err := dead.Close(); err != nil {
			t.Fatal(err)
		}
		store(t, live, open(3, 1, "b")) // of another node
		s, err := p.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for _, n := range []int64{1, 0} {
			if got, err := s.Begin(t.Context(), "a", 4); got != n || err != nil {
				t.Errorf("closed %d, %v, want %d", got, err, n)
			}
		}
		interrupted := open(2, 1, "a")
		interrupted.Status, interrupted.Reason, interrupted.End = history.Interrupted, "interrupted", interrupted.Active
		want(t, s, full(), open(1, 1, "a"), interrupted, open(3, 1, "b"))
		if err := history.Age(t.Context(), s, time.Hour); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Begin(t.Context(), "a", 4); got != 2 || err != nil {
			t.Errorf("closed %d, %v, want what nobody has spoken of for an hour", got, err)
		}
	})
}

// What a run that was killed leaves beside the file goes with the next.
func TestSQLiteIsSweptOfLocks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	live := place{history.AtFile(path)}.open(t, 1)
	left := []string{path + ".run-00000000000000ff", path + ".run-other", path + "2.run-00000000000000ff"}
	for _, name := range left {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := live.Begin(t.Context(), "a", 1); err != nil {
		t.Fatal(err)
	}
	for i, name := range append(left, path+".run-0000000000000001") {
		if _, err := os.Stat(name); (err == nil) != (i > 0) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Several servers may have one store, and come at the same time.
func TestStoreOfSeveral(t *testing.T) {
	eachStore(t, func(t *testing.T, p place) {
		const servers, each = 4, 50
		done := make(chan error, servers)
		for run := range history.Run(servers) {
			go func() { // ends when it has written
				s, err := p.Open()
				if err != nil {
					done <- err
					return
				}
				defer s.Close()
				_, err = s.Begin(t.Context(), "a", run)
				for i := range each {
					r := full()
					r.Run, r.ID = run, uint64(i)
					err = errors.Join(err, s.Write(t.Context(), []history.Record{numbered(r)}))
				}
				done <- err
			}()
		}
		for range servers {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		s := p.open(t, 99)
		if got := len(all(t, s, history.Filter{})); got != servers*each {
			t.Errorf("%d records, want %d", got, servers*each)
		}
	})
}

// A follower is told of each session once, when it has ended.
func TestStoreIsFollowed(t *testing.T) {
	eachStore(t, func(t *testing.T, p place) {
		s := p.open(t, 1)
		r := func(id uint64, user string) history.Record { r := full(); r.ID, r.User = id, user; return r }
		store(t, s, r(0, "alice"))
		if err := history.Age(t.Context(), s, time.Minute); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ids := make(chan string)
		go func() { // ends with ctx
			defer close(ids)
			f := history.Filter{User: "alice", Follow: true}
			for r, err := range s.Sessions(ctx, history.From(f, time.Now().Add(-30*time.Second))) {
				ids <- fmt.Sprint(r.ID, err)
			}
		}()
		for _, id := range []uint64{1, 3, 5} {
			open := r(1000+id, "alice")
			open.Status = history.Open
			store(t, s, open, r(2, "bob"))
			store(t, s, r(id, "alice"))
			store(t, s, r(id, "alice")) // the same again
			if got, want := <-ids, fmt.Sprint(id, error(nil)); got != want {
				t.Errorf("told of %s, want %s", got, want)
			}
		}
		cancel()
		for id := range ids {
			t.Errorf("told of %s as well", id)
		}
	})
}
