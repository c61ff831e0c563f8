package history_test

import (
	"context"
	"encoding/json"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/history"
	"github.com/socksctl/socksctl/server"
)

// allowed is a policy that has a name.
func allowed(_ context.Context, s *server.Session, _ server.Target) error {
	s.SetRule("all of it")
	return nil
}

// The record of a session tells all there is to know, while it runs and after.
func TestRecord(t *testing.T) {
	p := serve(t, &server.Server{Policy: server.PolicyFunc(allowed)})
	w := p.Follow(history.Filter{})
	defer w.Close()
	to := echo(t)
	_, port, _ := net.SplitHostPort(to)
	number, _ := strconv.ParseUint(port, 10, 16)
	c := open(t, &client.Dialer{Address: p.secure, TLS: p.tls}, "localhost:"+port)

	hello(t, c) // after which the first is counted
	opened := *next(t, w).Session
	running, total := p.List(history.Filter{})
	if total != 1 || len(running) != 1 {
		t.Fatalf("got %d of %d sessions, want one", len(running), total)
	}
	again, found := p.Get(opened.ID)
	if diff := cmp.Diff(running[0], again); diff != "" || !found {
		t.Errorf("found %v, -list +get:\n%s", found, diff)
	}
	c.Close()
	closed := *next(t, w).Session
	if _, found := p.Get(opened.ID); found {
		t.Error("it is over, and was found")
	}

	want := history.Record{
		ID: opened.ID, Start: opened.Start, Listener: p.secure,
		User: "alice", Groups: []string{"staff", "ops"}, Method: "certificate", Serial: p.leaf.SerialNumber.Text(16), TLS: "1.3",
		Command: "connect", Host: "localhost", Port: uint16(number), Rule: "all of it", Stage: "dial",
	}
	address := cmpopts.IgnoreFields(history.Record{}, "Client", "Egress", "End", "Active")
	if diff := cmp.Diff(want, opened, address); diff != "" {
		t.Errorf("opened, -want +got:\n%s", diff)
	}
	want.Stage, want.Resolved, want.BytesUp, want.BytesDown = "relay", to, 10, 10
	counts := cmpopts.IgnoreFields(history.Record{}, "BytesUp", "BytesDown")
	if diff := cmp.Diff(want, running[0], address, counts); diff != "" || running[0].BytesUp < 5 || running[0].BytesDown < 5 {
		t.Errorf("running, %d bytes up, %d down, -want +got:\n%s", running[0].BytesUp, running[0].BytesDown, diff)
	}
	want.Reason = "ok"
	if diff := cmp.Diff(want, closed, address); diff != "" {
		t.Errorf("closed, -want +got:\n%s", diff)
	}
	if !opened.Active.Equal(opened.Start) || !running[0].Active.After(opened.Start) {
		t.Errorf("active: got %v, then %v, of one that began at %v", opened.Active, running[0].Active, opened.Start)
	}
	if !opened.End.IsZero() || !running[0].End.IsZero() || closed.End.Before(opened.Start) {
		t.Errorf("ends: got %v, %v, %v", opened.End, running[0].End, closed.End)
	}
	for _, address := range []string{running[0].Client, running[0].Egress} {
		if !strings.HasPrefix(address, "127.0.0.1:") || address == to {
			t.Errorf("got the address %s", address)
		}
	}
}

// The record of an association has its targets, and is found by them.
func TestRecordOfAssociation(t *testing.T) {
	p := serve(t, new(server.Server))
	w := p.Follow(history.Filter{Command: "udp"})
	defer w.Close()
	pc, err := (&client.Dialer{Address: p.plain, User: "bob", Password: "secret"}).ListenPacket(t.Context(), "udp", "")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	far, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	far.SetDeadline(time.Now().Add(patience))
	if _, err := pc.WriteTo([]byte("hello"), far.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := far.ReadFrom(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	id := next(t, w).Session.ID
	to, err := history.ParseDestination(far.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	listed, total := p.List(history.Filter{To: to})
	if total != 1 || listed[0].ID != id || listed[0].Targets != nil {
		t.Errorf("got %d sessions, %+v, want the association without its targets", total, listed)
	}
	at := far.LocalAddr().(*net.UDPAddr).AddrPort()
	want := []history.Target{{Address: at.Addr().String(), Port: at.Port(), BytesUp: 5, DatagramsUp: 1}}
	times := cmpopts.IgnoreFields(history.Target{}, "First", "Last")
	running, _ := p.Get(id)
	if diff := cmp.Diff(want, running.Targets, times); diff != "" {
		t.Errorf("running, -want +got:\n%s", diff)
	}
	pc.Close()
	if diff := cmp.Diff(want, next(t, w).Session.Targets, times); diff != "" {
		t.Errorf("closed, -want +got:\n%s", diff)
	}
}

// The names in JSON are those that scripts and stored records rely on.
func TestRecordJSON(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	full := history.Record{
		ID: 1, Start: at, Client: "192.0.2.1:1000", Listener: "[::]:1443", User: "alice", Groups: []string{"staff"}, Method: "certificate",
		Serial: "5e24", TLS: "1.3", Command: "connect", Host: "example.com", Port: 443, Resolved: "192.0.2.9:443", Egress: "10.0.0.1:4000",
		Rule: "r", Stage: "relay", BytesUp: 1, BytesDown: 2, DatagramsUp: 3, DatagramsDown: 4, RateUp: 5, RateDown: 6,
		Node: "n", Tried: "bob", Dropped: map[string]int64{"rate": 7}, Active: at, End: at.Add(time.Second), Reason: "failed", Refusal: 5, Error: "e",
		Targets: []history.Target{{Host: "h", Address: "a", Port: 53, BytesUp: 1, BytesDown: 2, DatagramsUp: 3, DatagramsDown: 4, First: at, Last: at}, {}},
	}
	for name, c := range map[string]struct {
		record history.Record
		want   string
	}{
		"full": {full, `{"id":1,"node":"n","start":"2026-01-02T03:04:05.000006Z","client":"192.0.2.1:1000","listener":"[::]:1443",` +
			`"user":"alice","groups":["staff"],"tried":"bob","method":"certificate","cert_serial":"5e24","tls":"1.3",` +
			`"command":"connect","host":"example.com","port":443,"resolved":"192.0.2.9:443","egress":"10.0.0.1:4000","rule":"r","stage":"relay",` +
			`"bytes_up":1,"bytes_down":2,"datagrams_up":3,"datagrams_down":4,"rate_up":5,"rate_down":6,"dropped":{"rate":7},"active":"2026-01-02T03:04:05.000006Z",` +
			`"targets":[{"host":"h","address":"a","port":53,"bytes_up":1,"bytes_down":2,"datagrams_up":3,"datagrams_down":4,"first":"2026-01-02T03:04:05.000006Z","last":"2026-01-02T03:04:05.000006Z"},` +
			`{"bytes_up":0,"bytes_down":0,"datagrams_up":0,"datagrams_down":0,"first":"0001-01-01T00:00:00Z","last":"0001-01-01T00:00:00Z"}],` +
			`"end":"2026-01-02T03:04:06.000006Z","reason":"failed","refusal":5,"error":"e"}`},
		"least": {history.Record{ID: 2, Start: at, Client: "c", Listener: "l", Stage: "tls", Active: at}, `{"id":2,"start":"2026-01-02T03:04:05.000006Z",` +
			`"client":"c","listener":"l","stage":"tls","bytes_up":0,"bytes_down":0,"datagrams_up":0,"datagrams_down":0,"rate_up":0,"rate_down":0,"active":"2026-01-02T03:04:05.000006Z"}`},
	} {
		got, err := json.Marshal(c.record)
		if diff := cmp.Diff(c.want, string(got)); diff != "" || err != nil {
			t.Errorf("%s: %v, -want +got:\n%s", name, err, diff)
		}
	}
}
