package live_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/destination"
	"github.com/socksctl/socksctl/internal/live"
	"github.com/socksctl/socksctl/server"
)

// table returns a table with sessions of all kinds.
func table() *live.Table {
	l := live.NewTable()
	for _, s := range []*server.Session{
		made(4, "bob", "connect", "www.Example.com.", 443),
		made(1, "alice", "connect", "example.com", 443),
		made(2, "alice", "udp", "0.0.0.0", 0),
		made(3, "", "bind", "192.0.2.7", 20),
		made(5, "bob", "connect", "2001:db8::1", 80),
		made(6, "carol", "connect", "::ffff:10.1.2.3", 443),
	} {
		s.BytesUp.Store(int64(s.ID % 4 * 10))
		s.BytesDown.Store(int64(s.ID))
		l.Opened(s)
	}
	return l
}

func ids(sessions []live.Session) string {
	var all []string
	for _, s := range sessions {
		all = append(all, fmt.Sprint(s.ID))
	}
	return strings.Join(all, " ")
}

func TestFilter(t *testing.T) {
	l := table()
	for name, c := range map[string]struct {
		filter live.Filter
		want   string
		total  int
	}{
		"all":            {live.Filter{}, "1 2 3 4 5 6", 6},
		"user":           {live.Filter{User: "alice"}, "1 2", 2},
		"command":        {live.Filter{Command: "connect"}, "1 4 5 6", 4},
		"since":          {live.Filter{Since: time.Unix(4, 0)}, "4 5 6", 3},
		"since, user":    {live.Filter{Since: time.Unix(4, 1), User: "bob"}, "5", 1},
		"both":           {live.Filter{User: "bob", Command: "connect"}, "4 5", 2},
		"limit":          {live.Filter{Limit: 2}, "1 2", 6},
		"user order":     {live.Filter{Sort: "user"}, "3 1 2 4 5 6", 6},
		"command order":  {live.Filter{Sort: "command"}, "3 1 4 5 6 2", 6},
		"to":             {live.Filter{Sort: "to"}, "2 3 5 6 1 4", 6},
		"up":             {live.Filter{Sort: "up"}, "3 2 6 1 5 4", 6},
		"down":           {live.Filter{Sort: "down"}, "6 5 4 3 2 1", 6},
		"bytes":          {live.Filter{Sort: "bytes", Limit: 3}, "3 6 2", 6},
		"bytes, up":      {live.Filter{Sort: "-bytes"}, "4 1 5 2 6 3", 6},
		"start":          {live.Filter{Sort: "start"}, "1 2 3 4 5 6", 6},
		"latest":         {live.Filter{Sort: "-start", Limit: 1}, "6", 6},
		"client":         {live.Filter{Sort: "-client"}, "6 5 4 3 2 1", 6},
		"id, down":       {live.Filter{Sort: "-id"}, "6 5 4 3 2 1", 6},
		"rate, all same": {live.Filter{Sort: "rate"}, "1 2 3 4 5 6", 6},
	} {
		sessions, total := l.List(c.filter)
		if got := ids(sessions); got != c.want || total != c.total {
			t.Errorf("%s: got %q of %d, want %q of %d", name, got, total, c.want, c.total)
		}
	}
}

func TestDestination(t *testing.T) {
	l := table()
	for to, want := range map[string]string{
		"":                      "1 2 3 4 5 6",
		"example.com":           "1",
		"EXAMPLE.com.":          "1",
		"example.com:443":       "1",
		"example.com:80":        "",
		"www.example.com":       "4",
		"*.example.com":         "4",
		"*.example.com:443":     "4",
		"*.com":                 "1 4",
		"xample.com":            "",
		":443":                  "1 4 6",
		"192.0.2.7":             "3",
		"192.0.2.7:20":          "3",
		"192.0.2.7:21":          "",
		"192.0.2.0/24":          "3",
		"192.0.2.0/24:20":       "3",
		"2001:db8::1":           "5",
		"[2001:db8::1]:80":      "5",
		"2001:db8::/32":         "5",
		"[2001:db8::/32]:80":    "5",
		"10.1.2.3":              "6",
		"::ffff:10.1.2.3":       "6",
		"10.0.0.0/8:443":        "6",
		"0.0.0.0/0":             "3 6",
		"fe80::1%eth0":          "",
		"[::ffff:10.1.2.3]:443": "6",
	} {
		d, err := destination.Parse(to)
		if err != nil {
			t.Errorf("%q: %v", to, err)
			continue
		}
		sessions, _ := l.List(live.Filter{To: d})
		if got := ids(sessions); got != want {
			t.Errorf("%q: got %q, want %q", to, got, want)
		}
	}
}

func TestOrder(t *testing.T) {
	for _, key := range live.Orders() {
		for _, s := range []string{key, "-" + key} {
			if o, err := live.ParseOrder(s); string(o) != s || err != nil {
				t.Errorf("%q: got %q, %v", s, o, err)
			}
		}
	}
	if o, err := live.ParseOrder(""); o != "" || err != nil {
		t.Errorf("got %q, %v", o, err)
	}
	for _, s := range []string{"-", "--id", "age", "ID"} {
		if o, err := live.ParseOrder(s); err == nil || !strings.Contains(err.Error(), "bytes") {
			t.Errorf("%q: got %q, %v, want an error that lists the keys", s, o, err)
		}
	}
}
