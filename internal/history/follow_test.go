package history_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/history"
	"github.com/socksctl/socksctl/server"
)

// told returns an event in short.
func told(e history.Event) string {
	if e.Session == nil {
		return fmt.Sprint(e.Kind, " ", e.Lost)
	}
	return fmt.Sprint(e.Kind, " ", e.Session.ID)
}

// What a Follower is told begins with what runs, and has all that comes after.
func TestFollow(t *testing.T) {
	l := table()
	w := l.Follow(history.Filter{User: "bob", Sort: "down"})
	defer w.Close()
	l.Opened(made(7, "alice", "connect", "example.com", 443))
	seven := made(8, "bob", "connect", "example.com", 443)
	l.Opened(seven)
	l.Closed(seven)
	l.Closed(made(9, "bob", "", "", 0)) // it came, said little, and left
	for _, want := range []string{"running 5", "running 4", "opened 8", "closed 8"} {
		if got := told(next(t, w)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if e, err := w.Next(ctx); err == nil {
		t.Errorf("got %s as well", told(e))
	}
}

// A Follower that does not look loses events, is told how many and where, and
// holds up nobody.
func TestFollowerTooSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := history.NewLive()
		w := l.Follow(history.Filter{})
		defer w.Close()
		come := func(first, last uint64) {
			for id := first; id <= last; id++ {
				l.Opened(made(id, "alice", "connect", "example.com", 443))
			}
		}
		hear := func(first, last uint64) {
			t.Helper()
			for id := first; id <= last; id++ {
				if got, want := told(next(t, w)), fmt.Sprint("opened ", id); got != want {
					t.Fatalf("got %s, want %s", got, want)
				}
			}
		}
		come(1, 1030) // 6 more than there is room for
		hear(1, 2)
		come(1031, 1032) // there is room again
		hear(3, 1024)
		if got := told(next(t, w)); got != "lost 6" {
			t.Errorf("got %s, want lost 6, before what came after it", got)
		}
		hear(1031, 1032)
		come(2001, 2001+1024+4) // 5 more, and none after
		hear(2001, 2001+1023)
		if got := told(next(t, w)); got != "lost 5" {
			t.Errorf("got %s, want lost 5", got)
		}
		heard := make(chan history.Event)
		go func() { heard <- next(t, w) }()
		synctest.Wait()
		come(9, 9)
		if got := told(<-heard); got != "opened 9" {
			t.Errorf("got %s, want opened 9", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := w.Next(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
}

// A closed Follower is forgotten.
func TestFollowerClosed(t *testing.T) {
	l := history.NewLive()
	w := l.Follow(history.Filter{})
	w.Close()
	l.Opened(made(1, "alice", "connect", "example.com", 443))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if e, err := w.Next(ctx); err == nil {
		t.Errorf("got %s after the end", told(e))
	}
}

// Sessions that are ended say by what, and the others go on.
func TestEnd(t *testing.T) {
	reason := errors.New("the test wants it")
	p := serve(t, new(server.Server))
	w := p.Follow(history.Filter{})
	defer w.Close()
	to := echo(t)
	for _, name := range []string{"alice", "bob", "alice"} {
		c := open(t, &client.Dialer{Address: p.plain, User: name, Password: "secret"}, to)
		if e := next(t, w); e.Kind != history.Opened || e.Session.User != name || e.Session.Method != "password" {
			t.Errorf("got %s of %s", told(e), e.Session.User)
		}
		defer c.Close()
	}
	before, _ := p.List(history.Filter{User: "alice"})
	ended := p.Live.End(history.Filter{User: "alice"}, reason)
	if got, want := fmt.Sprint(ended), "["+ids(before)+"]"; got != want || len(ended) != 2 {
		t.Errorf("got %s, want %s", got, want)
	}
	for range ended {
		if e := next(t, w); e.Kind != history.Closed || e.Session.Error != reason.Error() {
			t.Errorf("got %s with %q", told(e), e.Session.Error)
		}
	}
	if records, _ := p.List(history.Filter{}); len(records) != 1 || records[0].User != "bob" {
		t.Errorf("got %+v, want bob's", records)
	}
	_, err := (&client.Dialer{Address: p.plain, User: "eve", Password: "wrong"}).DialContext(t.Context(), "tcp", to)
	if e := next(t, w); e.Kind != history.Refused || err == nil || e.Session.Stage != "login" || e.Session.Tried != "eve" || e.Session.User != "" {
		t.Errorf("got %s at %s of %q, tried by %q, %v", told(e), e.Session.Stage, e.Session.User, e.Session.Tried, err)
	}
}
