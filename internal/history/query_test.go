package history_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/socksctl/socksctl/internal/destination"
	"github.com/socksctl/socksctl/internal/history"
)

// people is records to be asked for, by id; no. 9 began last.
func people() []history.Record {
	r := func(id int, user, host string, port int, resolved string, up int64) history.Record {
		r := history.Record{
			ID: uint64(id), Run: 1, Node: "a", Status: history.Closed, Reason: "ok", Stage: "relay", Command: "connect",
			Start: after(time.Duration(id) * time.Minute), Active: begin, End: begin, Client: "192.0.2.1:5555",
			User: user, Host: host, Port: port, Up: up, Down: 1,
		}
		if resolved != "" {
			r.Resolved = netip.MustParseAddrPort(resolved)
		}
		return r
	}
	all := []history.Record{
		r(1, "alice", "www.Example.com.", 443, "192.0.2.7:443", 10),
		r(2, "alice", "example.com", 80, "192.0.2.7:80", 500),
		r(3, "bob", "badexample.com", 443, "[2001:db8::1]:443", 30),
		r(4, "bob", "192.0.2.7", 22, "192.0.2.7:22", 40),
		r(5, "", "", 0, "", 0),
		r(6, "alice", "a.b.example.com", 443, "", 0),
		r(7, "carol", "", 0, "", 700),
		r(8, "carol", "2001:db8::1", 443, "", 80),
		r(9, "alice", "other.test", 443, "198.51.100.1:443", 90),
	}
	for i, status := range []history.Status{4: history.Refused, 5: history.Refused, 7: history.Open, 8: history.Interrupted} {
		if status != "" {
			all[i].Status, all[i].Reason = status, map[history.Status]string{history.Refused: "denied", history.Interrupted: "interrupted"}[status]
		}
	}
	all[4].Reason, all[7].End = "login", time.Time{}
	all[6].Command = "udp"
	target := func(host, address string, port int, up int64) history.Target {
		t := history.Target{Host: host, Port: port, Up: up, First: begin, Last: begin}
		if address != "" {
			t.Address = netip.MustParseAddr(address)
		}
		return t
	}
	all[6].Targets = []history.Target{
		target("dns.example.com", "192.0.2.53", 53, 100), target("", "2001:db8::1", 53, 200), target("dns.example.com", "192.0.2.53", 54, 300), target("", "", 0, 100),
	}
	return all
}

// question is a filter, and the ids of what it finds.
type question struct {
	filter history.Filter
	want   string
}

func questions(t *testing.T) map[string]question {
	at := func(id int) time.Time { return after(time.Duration(id) * time.Minute) }
	to := func(s string) history.Filter {
		d, err := destination.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return history.Filter{To: d}
	}
	and := func(f history.Filter, change func(*history.Filter)) history.Filter { change(&f); return f }
	return map[string]question{
		"all":            {history.Filter{}, "9 8 7 6 5 4 3 2 1"},
		"limit":          {history.Filter{Limit: 2}, "9 8"},
		"bytes":          {history.Filter{Order: history.ByBytes}, "7 2 9 8 4 3 1 6 5"},
		"bytes, limit":   {history.Filter{Order: history.ByBytes, Limit: 3}, "7 2 9"},
		"user":           {history.Filter{User: "alice"}, "9 6 2 1"},
		"other user":     {history.Filter{User: "Alice"}, ""},
		"user, bytes":    {history.Filter{User: "alice", Order: history.ByBytes}, "2 9 1 6"},
		"open":           {history.Filter{Status: "open"}, "8"},
		"closed":         {history.Filter{Status: "closed"}, "7 4 3 2 1"},
		"refused":        {history.Filter{Status: "refused"}, "6 5"},
		"interrupted":    {history.Filter{Status: "interrupted"}, "9"},
		"reason":         {history.Filter{Status: "denied"}, "6"},
		"login":          {history.Filter{Status: "login"}, "5"},
		"ok":             {history.Filter{Status: "ok"}, "7 4 3 2 1"},
		"since":          {history.Filter{Since: at(8)}, "9 8"},
		"until":          {history.Filter{Until: at(3)}, "2 1"},
		"between":        {history.Filter{Since: at(3), Until: at(5)}, "4 3"},
		"user, since":    {history.Filter{User: "alice", Since: at(2), Until: at(9)}, "6 2"},
		"name":           {to("EXAMPLE.com."), "2"},
		"name and port":  {to("www.example.com:443"), "1"},
		"other port":     {to("www.example.com:80"), ""},
		"below":          {to("*.example.com"), "7 6 1"},
		"below, port":    {to("*.example.com:53"), "7"},
		"address":        {to("192.0.2.7"), "4 2 1"},
		"address, port":  {to("192.0.2.7:443"), "1"},
		"IPv6":           {to("2001:DB8:0::1"), "8 7 3"},
		"IPv6, brackets": {to("[2001:db8::1]"), "8 7 3"},
		"IPv6 and port":  {to("[2001:db8::1]:443"), "8 3"},
		"target":         {to("192.0.2.53"), "7"},
		"target by name": {to("dns.example.com"), "7"},
		"mapped":         {to("::ffff:192.0.2.7"), "4 2 1"},
		"network":        {to("192.0.2.0/24"), "7 4 2 1"},
		"network, port":  {to("192.0.2.0/24:53"), "7"},
		"part of one":    {to("192.0.2.6/31"), "4 2 1"},
		"beside it":      {to("192.0.2.8/29"), ""},
		"all of IPv4":    {to("0.0.0.0/0"), "9 7 4 2 1"},
		"IPv6 network":   {to("2001:db8::/32"), "8 7 3"},
		"all of IPv6":    {to("::/0"), "8 7 3"},
		"port":           {to(":443"), "9 8 6 3 1"},
		"port of target": {to(":54"), "7"},
		"port, user":     {and(to(":443"), func(f *history.Filter) { f.User, f.Limit = "alice", 2 }), "9 6"},
		"no literal":     {to("*.2.7"), ""},
		"to, limit":      {and(to("192.0.2.7"), func(f *history.Filter) { f.Limit = 2 }), "4 2"},
		"to, bytes":      {and(to("192.0.2.7"), func(f *history.Filter) { f.Order, f.Limit = history.ByBytes, 2 }), "2 4"},
		"to, user":       {and(to("192.0.2.7"), func(f *history.Filter) { f.User = "alice" }), "2 1"},
		"to, status":     {and(to("*.example.com"), func(f *history.Filter) { f.Status = "refused" }), "6"},
		"to, since":      {and(to("*.example.com"), func(f *history.Filter) { f.Since = at(6) }), "7 6"},
	}
}

func TestFilter(t *testing.T) {
	eachStore(t, func(t *testing.T, p place) {
		s := p.open(t, 1)
		store(t, s, people()...)
		for name, c := range questions(t) {
			var ids []string
			for _, r := range all(t, s, c.filter) {
				ids = append(ids, fmt.Sprint(r.ID))
			}
			if got := strings.Join(ids, " "); got != c.want {
				t.Errorf("%s: got %s, want %s", name, got, c.want)
			}
		}
	})
}

func TestTotals(t *testing.T) {
	eachStore(t, func(t *testing.T, p place) {
		s := p.open(t, 1)
		store(t, s, people()...)
		ignored := cmpopts.IgnoreFields(history.Total{}, "First", "Last")
		check := func(f history.Filter, by history.Axis, want ...history.Total) {
			t.Helper()
			got, err := s.Totals(t.Context(), f, by)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, ignored); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for _, one := range got {
				if one.First.Before(begin) || one.Last.Before(one.First) {
					t.Errorf("%+v: first and last", one)
				}
			}
		}
		alice := history.Total{User: "alice", Sessions: 4, Refused: 1, Up: 600, Down: 4}
		carol := history.Total{User: "carol", Sessions: 2, Up: 780, Down: 2}
		check(history.Filter{}, history.PerUser, carol, alice,
			history.Total{User: "bob", Sessions: 2, Up: 70, Down: 2}, history.Total{Sessions: 1, Refused: 1, Down: 1})
		check(history.Filter{Limit: 1}, history.PerUser, carol)
		check(history.Filter{User: "nobody"}, history.PerUser)
		check(history.Filter{User: "alice", Since: after(6 * time.Minute)}, history.PerUser, history.Total{User: "alice", Sessions: 2, Refused: 1, Up: 90, Down: 2})
		check(history.Filter{Since: after(7 * time.Minute), Until: after(9 * time.Minute)}, history.PerDestination,
			history.Total{Destination: "dns.example.com", Sessions: 1, Up: 400},
			history.Total{Destination: "2001:db8::1", Sessions: 2, Up: 280, Down: 1})
		to, err := destination.Parse("192.0.2.7")
		if err != nil {
			t.Fatal(err)
		}
		check(history.Filter{To: to}, history.PerUser,
			history.Total{User: "alice", Sessions: 2, Up: 510, Down: 2}, history.Total{User: "bob", Sessions: 1, Up: 40, Down: 1})
	})
}

func TestParseStatus(t *testing.T) {
	for word, ok := range map[string]bool{"": true, "open": true, "interrupted": true, "login": true, "quota": true, "ok": true, "opened": false, "OK": false} {
		if got, err := history.ParseStatus(word); (err == nil) != ok || ok && got != word {
			t.Errorf("%q: got %q, %v", word, got, err)
		}
	}
}
