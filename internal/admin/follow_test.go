package admin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/live"
	"github.com/socksctl/socksctl/internal/proxytest"
)

// Who follows is told of what runs, begins and ends, until the service does.
func TestFollow(t *testing.T) {
	v := newService(t)
	address := socket(t)
	l := run(t, v.Server, address)
	before := v.open(t, "alice")
	next(t, v.watch(t))
	told := make(chan string, 10)
	ended := make(chan error, 1)
	go func() { // ends with the service
		c := admin.Client{Address: "unix:" + l.String()}
		ended <- c.Follow(t.Context(), admin.Query{User: "alice"}, func(e admin.Event) error {
			told <- fmt.Sprint(e.Kind, " ", e.Session.User)
			return nil
		})
	}()
	if got := <-told; got != "running alice" {
		t.Errorf("got %s", got)
	}
	v.open(t, "bob")
	during := v.open(t, "alice")
	before.Close()
	during.Close()
	got := []string{<-told, <-told, <-told}
	if diff := cmp.Diff([]string{"opened alice", "closed alice", "closed alice"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := v.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("got %v, want nil: the service has ended", err)
	}
}

// A client that does not want any more ends the following, and what it had to say
// is the error.
func TestFollowEndedByClient(t *testing.T) {
	table := live.NewTable()
	table.Opened(made(1, "alice", "example.com"))
	l := run(t, &admin.Server{Live: table}, socket(t))
	c := admin.Client{Address: "unix:" + l.String()}
	enough := errors.New("enough")
	for range 40 { // more than may follow at once
		if err := c.Follow(t.Context(), admin.Query{}, func(admin.Event) error { return enough }); !errors.Is(err, enough) {
			t.Fatalf("got %v, want %v", err, enough)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := c.Follow(ctx, admin.Query{}, func(admin.Event) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	err = c.Follow(t.Context(), admin.Query{Sort: "x"}, nil)
	if refused, _ := errors.AsType[*admin.Refused](err); statusOf(refused) != 400 {
		t.Errorf("got %v, want status 400", err)
	}
}

// stream follows over a connection of its own, which is looked at by hand.
func stream(t *testing.T, c net.Conn) *bufio.Scanner {
	t.Helper()
	if _, err := fmt.Fprint(c, "GET /api/v1/sessions/follow HTTP/1.0\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(c)
	for lines.Scan() && lines.Text() != "" { // the head
		if first, status, _ := strings.Cut(lines.Text(), " "); strings.HasPrefix(first, "HTTP/") && status != "200 OK" {
			t.Fatalf("got %s", status)
		}
	}
	return lines
}

func event(t *testing.T, lines *bufio.Scanner) (e admin.Event) {
	t.Helper()
	if !lines.Scan() {
		t.Fatalf("the end: %v", lines.Err())
	}
	if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// A subscriber that does not read loses events, and reads how many; all that came
// before are there, and all that come after.
func TestFollowerThatDoesNotRead(t *testing.T) {
	table := live.NewTable()
	at := run(t, &admin.Server{Live: table}, socket(t))
	c, err := net.Dial("unix", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(proxytest.Patience))
	lines := stream(t, c)
	const flood = 20000
	for id := range uint64(flood) {
		table.Opened(made(id+1, "alice", "example.com"))
	}
	var seen, lost, last int64
	for seen+lost < flood {
		e := event(t, lines)
		if e.Kind == live.Lost {
			lost += e.Lost
			continue
		}
		seen++
		if id := int64(e.Session.ID); id != seen+lost {
			t.Fatalf("got session %d after %d seen and %d lost", id, seen, lost)
		}
		last = int64(e.Session.ID)
	}
	if lost == 0 || seen < 1024 {
		t.Errorf("saw %d, the last %d, and lost %d", seen, last, lost)
	}
	table.Opened(made(flood+1, "alice", "example.com"))
	if e := event(t, lines); e.Session.ID != flood+1 {
		t.Errorf("got %d, want what came last", e.Session.ID)
	}
}

// Only so many may follow at once.
func TestFollowers(t *testing.T) {
	at := run(t, &admin.Server{Live: live.NewTable()}, socket(t))
	for range 16 {
		c, err := net.Dial("unix", at.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		stream(t, c)
	}
	if status, body := ask(t, at, "GET /api/v1/sessions/follow", "Host: x"); status != 503 || !strings.Contains(body, "too many follow") {
		t.Errorf("got %d %s, want 503", status, body)
	}
	if status, _ := ask(t, at, "GET /api/v1/sessions", "Host: x"); status != 200 {
		t.Errorf("a list: got %d, want 200", status)
	}
}

// pipes is a listener without sockets.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }

// Nothing may happen for as long as it likes, and a client that takes nothing is
// given up.
func TestFollowInSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := live.NewTable()
		s, l := &admin.Server{Live: table}, make(pipes)
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		near, far := net.Pipe()
		defer near.Close()
		l <- far
		lines := stream(t, near)
		for id := range uint64(5) {
			time.Sleep(time.Hour)
			go table.Opened(made(id+1, "alice", "example.com"))
			if e := event(t, lines); e.Session.ID != id+1 {
				t.Errorf("got %d", e.Session.ID)
			}
		}
		table.Opened(made(6, "alice", "example.com"))
		time.Sleep(time.Minute)
		for lines.Scan() {
			t.Errorf("got %s, want nothing: it was not taken in time", lines.Text())
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}
