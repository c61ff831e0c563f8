package live_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/destination"
	"github.com/socksctl/socksctl/internal/live"
	"github.com/socksctl/socksctl/internal/proxytest"
	"github.com/socksctl/socksctl/server"
)

// told returns an event in short.
func told(e live.Event) string {
	if e.Session == nil {
		return fmt.Sprint(e.Kind, " ", e.Lost)
	}
	return fmt.Sprint(e.Kind, " ", e.Session.ID)
}

// What a Follower is told begins with what runs, and has all that comes after.
func TestFollow(t *testing.T) {
	l := table()
	w := l.Follow(live.Filter{User: "bob", Sort: "down"})
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
		l := live.NewTable()
		w := l.Follow(live.Filter{})
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
		heard := make(chan live.Event)
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
	l := live.NewTable()
	w := l.Follow(live.Filter{})
	w.Close()
	l.Opened(made(1, "alice", "connect", "example.com", 443))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if e, err := w.Next(ctx); err == nil {
		t.Errorf("got %s after the end", told(e))
	}
}

// A session that runs is found by where it has got to, an association by where its
// datagrams go, and neither is any more when it is over.
func TestListed(t *testing.T) {
	p := serve(t)
	w := p.Follow(live.Filter{})
	defer w.Close()
	far, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	far.SetDeadline(time.Now().Add(proxytest.Patience))
	to := proxytest.Echo(t)
	_, port, _ := net.SplitHostPort(to)
	c := open(t, p.dialer("alice"), "localhost:"+port)
	hello(t, c) // after which the first is counted
	pc, err := p.dialer("bob").ListenPacket(t.Context(), "udp", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pc.WriteTo([]byte("hello"), far.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := far.ReadFrom(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	for at, id := range map[string]uint64{to: next(t, w).Session.ID, far.LocalAddr().String(): next(t, w).Session.ID} {
		d, err := destination.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		found, total := p.List(live.Filter{To: d})
		if total != 1 || found[0].ID != id || found[0].Up < 5 {
			t.Errorf("%s: got %d sessions, %s, want %d", at, total, ids(found), id)
		}
		if s, ok := p.Get(id); !ok || s.ID != id {
			t.Errorf("%d is not to be had", id)
		}
	}
	pc.Close()
	c.Close()
	for range 2 {
		if e := next(t, w); e.Kind != live.Closed {
			t.Errorf("got %s", told(e))
		} else if _, ok := p.Get(e.Session.ID); ok {
			t.Errorf("%d is over, and was found", e.Session.ID)
		}
	}
}

// Sessions that are ended say by what, and the others go on.
func TestEnd(t *testing.T) {
	reason := errors.New("the test wants it")
	p := serve(t)
	w := p.Follow(live.Filter{})
	defer w.Close()
	to := proxytest.Echo(t)
	for _, name := range []string{"alice", "bob", "alice"} {
		c := open(t, p.dialer(name), to)
		if e := next(t, w); e.Kind != live.Opened || e.Session.Identity.User != name {
			t.Errorf("got %s of %s", told(e), e.Session.Identity.User)
		}
		defer c.Close()
	}
	before, _ := p.List(live.Filter{User: "alice"})
	ended := p.Table.End(live.Filter{User: "alice"}, reason)
	if got, want := fmt.Sprint(ended), "["+ids(before)+"]"; got != want || len(ended) != 2 {
		t.Errorf("got %s, want %s", got, want)
	}
	for range ended {
		if e := next(t, w); e.Kind != live.Closed || !errors.Is(e.Session.Err(), reason) {
			t.Errorf("got %s with %v", told(e), e.Session.Err())
		}
	}
	if sessions, _ := p.List(live.Filter{}); len(sessions) != 1 || sessions[0].Identity.User != "bob" {
		t.Errorf("got %s, want bob's", ids(sessions))
	}
	_, err := (&client.Dialer{Address: p.address, User: "eve", Password: "wrong"}).DialContext(t.Context(), "tcp", to)
	if e := next(t, w); e.Kind != live.Refused || err == nil || e.Session.Tried != "eve" {
		t.Errorf("got %s, tried by %q, %v", told(e), e.Session.Tried, err)
	}
	if diff := cmp.Diff(map[server.EndReason]int64{server.EndLogin: 1}, p.Refusals()); diff != "" {
		t.Errorf("refusals, -want +got:\n%s", diff)
	}
}
