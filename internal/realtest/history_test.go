//go:build linux

package realtest_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/history"
)

// historyOf returns what is written down at a place, as the command reads it.
func historyOf(t *testing.T, place string, args ...string) (records []history.Record) {
	t.Helper()
	out := mustRun(t, command(socksctl(t), append([]string{"sessions", "history", "--history", place, "--limit", "0", "--json"}, args...)...))
	from := json.NewDecoder(strings.NewReader(out))
	for {
		var r history.Record
		err := from.Decode(&r)
		if errors.Is(err, io.EOF) {
			return records
		}
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
}

// awaitHistory waits until a server has made its tables at a place.
func awaitHistory(t *testing.T, place string) {
	t.Helper()
	for limit := time.Now().Add(startLimit); ; {
		r := run(t, command(socksctl(t), "sessions", "history", "--history", place))
		if r.err == nil {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%v: %s", r.err, r.stderr)
		}
	}
}

// numbered is a load of sessions, each of which sends as many bytes as none before.
type numbered struct {
	way   *client.Dialer
	to    string
	last  atomic.Int64
	mu    sync.Mutex
	ended map[int64]time.Time // by the bytes that went there and back
}

// one opens a session, and ends it if it is to. It returns nil when the server is
// gone.
func (n *numbered) one(end bool) net.Conn {
	size := n.last.Add(1)
	c, err := n.way.Dial("tcp", n.to)
	if err != nil {
		return nil
	}
	_ = c.SetDeadline(time.Now().Add(startLimit)) // the read tells
	go func() { _, _ = c.Write(make([]byte, size)) }()
	if _, err := io.ReadFull(c, make([]byte, size)); err != nil {
		c.Close()
		return nil
	}
	if !end {
		return c
	}
	c.Close()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ended[size] = time.Now()
	return c
}

// sofar returns which sessions have ended.
func (n *numbered) sofar() map[int64]time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.ended)
}

// A server that is killed in the middle of its work has written down all sessions
// but those that ended just then, each once; what it left open is closed as
// interrupted when it starts again.
func TestHistorySurvivesSIGKILL(t *testing.T) {
	place := "sqlite://" + filepath.Join(t.TempDir(), "history.db")
	args := []string{"serve", "--listen", "127.0.0.1:0", "--history", place, "--log-level", "warn"}
	p := start(t, args...)
	load := &numbered{way: &client.Dialer{Address: p.await(t, listening, 1)[0][1]}, to: newEchoes(t).tcp, ended: make(map[int64]time.Time)}
	awaitHistory(t, place)
	const held = 10
	for range held {
		if c := load.one(false); c != nil {
			defer c.Close()
		}
	}
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() { // ends with the server
			for load.one(true) != nil {
			}
		})
	}
	for len(load.sofar()) < 400 { // the last of them is written within a second, and may be read then
		historyOf(t, place, "--limit", "1")
	}
	due := load.sofar()
	for limit := time.Now().Add(startLimit); len(missing(due, historyOf(t, place, "--status", "ok"))) > 0; {
		if time.Now().After(limit) {
			t.Fatal("sessions that have ended are not written down")
		}
	}
	killed := time.Now()
	p.kill(t)
	running.Wait()
	again := start(t, args...)
	again.await(t, listening, 1)
	records := awaitNoneOpen(t, place)
	if lost := missing(due, records); len(lost) > 0 {
		t.Errorf("%d of %d sessions were lost", len(lost), len(due))
	}
	count := make(map[int64]int)
	interrupted := 0
	for _, r := range records {
		count[r.Up]++
		if r.Status == history.Interrupted && 0 < r.Up && r.Up <= held {
			interrupted++
		}
	}
	for size, n := range count {
		if size > 0 && n != 1 { // one that was just being opened has sent nothing
			t.Errorf("%d records of the session that sent %d bytes", n, size)
		}
	}
	if interrupted != held {
		t.Errorf("%d sessions were interrupted, want the %d that were held", interrupted, held)
	}
	lost := missing(load.sofar(), records)
	t.Logf("%d sessions ended; %d are lost, of the last %v", len(load.ended), len(lost), killed.Sub(slices.MinFunc(append(lost, killed), time.Time.Compare)))
}

// missing returns when those sessions ended that are not on record as having done
// so.
func missing(ended map[int64]time.Time, records []history.Record) (lost []time.Time) {
	ended = maps.Clone(ended)
	for _, r := range records {
		if r.Status == history.Closed && r.Down == r.Up {
			delete(ended, r.Up)
		}
	}
	return slices.Collect(maps.Values(ended))
}

// awaitNoneOpen waits until no session is on record as open, and returns all.
func awaitNoneOpen(t *testing.T, place string) []history.Record {
	t.Helper()
	for limit := time.Now().Add(startLimit); ; {
		if len(historyOf(t, place, "--status", "open")) == 0 {
			return historyOf(t, place)
		}
		if time.Now().After(limit) {
			t.Fatal("sessions of a process that was killed are still open")
		}
	}
}

// Who follows the history is told of what is written from then on, by another
// process too.
func TestHistoryIsFollowed(t *testing.T) {
	place := "sqlite://" + filepath.Join(t.TempDir(), "history.db")
	p := start(t, "serve", "--listen", "127.0.0.1:0", "--history", place)
	d, to := &client.Dialer{Address: p.addresses(t, 1)[0]}, newEchoes(t)
	if err := reach(d, to); err != nil {
		t.Fatal(err)
	}
	awaitHistory(t, place)
	for limit := time.Now().Add(startLimit); len(historyOf(t, place, "--status", "ok")) == 0; {
		if time.Now().After(limit) {
			t.Fatal("a session that has ended is not written down")
		}
	}
	follow := command(socksctl(t), "sessions", "history", "--history", place, "--follow", "--status", "ok", "--json")
	said := newTranscript()
	follow.Stdout = said
	if err := follow.Start(); err != nil {
		t.Fatal(err)
	}
	for limit := time.Now().Add(startLimit); said.String() == ""; { // it does not say when it has begun
		if err := reach(d, to); err != nil || time.Now().After(limit) {
			t.Errorf("not told of a session: %v", err)
			break
		}
	}
	_ = follow.Process.Kill()
	_ = follow.Wait() // it was killed
	if strings.Contains(said.String(), `"id":1,`) || !strings.Contains(said.String(), `"command":"connect"`) {
		t.Errorf("got %s", said)
	}
}
