package admin_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/live"
	"github.com/socksctl/socksctl/server"
)

// What is listed is what runs, and the sessions that are killed end at once, with
// a record that says by whom.
func TestSessions(t *testing.T) {
	who := "unix socket"
	if runtime.GOOS == "linux" {
		who = fmt.Sprintf("uid %d", os.Getuid())
	}
	for address, killer := range map[string]string{socket(t): who, "127.0.0.1:0": "127.0.0.1:"} {
		t.Run(killer, func(t *testing.T) {
			v := newService(t)
			at := run(t, v.Server, address)
			c := admin.Client{Address: at.String(), Token: token}
			if at.Network() == "unix" {
				c.Address = "unix:" + c.Address
			}
			w := v.watch(t)
			one, two, three := v.open(t, "alice"), v.open(t, "bob"), v.open(t, "bob")
			id := next(t, w).Session.ID
			next(t, w)
			next(t, w)

			list, err := c.Sessions(t.Context(), admin.Query{User: "bob", Sort: "-id", Limit: 1, To: v.echo, Command: "connect"})
			if err != nil || list.Total != 2 || len(list.Sessions) != 1 || list.Sessions[0].User != "bob" || list.Sessions[0].ID != id+2 {
				t.Errorf("got %+v, %v, want the latest of two of bob's", list, err)
			}
			killed, err := c.KillAll(t.Context(), admin.Query{User: "bob"}, false)
			if diff := cmp.Diff([]uint64{id + 1, id + 2}, killed); diff != "" || err != nil {
				t.Errorf("%v, -want +got:\n%s", err, diff)
			}
			ended(t, two)
			ended(t, three)
			if err := c.Kill(t.Context(), id); err != nil {
				t.Error(err)
			}
			ended(t, one)
			for range 3 {
				s := next(t, w).Session
				if !errors.Is(s.Err(), server.ErrKilled) || !strings.HasPrefix(s.Err().Error(), "killed by the administrator ("+killer) {
					t.Errorf("got %v", s.Err())
				}
			}
			err = c.Kill(t.Context(), id)
			if refused, _ := errors.AsType[*admin.Refused](err); statusOf(refused) != 404 {
				t.Errorf("killed again: got %v, want 404", err)
			}
			if killed, err := c.KillAll(t.Context(), admin.Query{}, true); err != nil || len(killed) != 0 {
				t.Errorf("got %v, %v, want none", killed, err)
			}
		})
	}
}

// The words of the API, as scripts send and read them.
func TestSessionsHTTP(t *testing.T) {
	table := live.NewTable()
	for id, host := range []string{"a.example", "b.example", "<script>\x1b[2J"} {
		table.Opened(made(uint64(id+1), "alice", host))
	}
	at := run(t, &admin.Server{Live: table}, socket(t))
	for request, want := range map[string]struct {
		status int
		body   string
	}{
		"GET /api/v1/sessions?to=b.example":               {200, `{"sessions":[{"id":2,"status":"open",`},
		"GET /api/v1/sessions?user=bob":                   {200, `{"sessions":[],"total":0}`},
		"GET /api/v1/sessions?sort=-id&limit=2":           {200, `"total":3}`},
		"GET /api/v1/sessions?since=1970-01-01T00:00:03Z": {200, `"total":1}`},
		"GET /api/v1/sessions?since=yesterday":            {400, `parameter since: `},
		"GET /api/v1/sessions/2":                          {200, `"host":"b.example","port":443`},
		"GET /api/v1/sessions/3":                          {200, `"host":"\u003cscript\u003e\\u001b[2J"`},
		"GET /api/v1/sessions/9":                          {404, `{"error":"no such session runs"}`},
		"GET /api/v1/sessions/0":                          {404, `no such session`},
		"GET /api/v1/sessions/x":                          {404, `no such session`},
		"GET /api/v1/sessions?to=a:b:c":                   {400, `{"error":"parameter to: destination \"a:b:c\": want`},
		"GET /api/v1/sessions?sort=age":                   {400, `parameter sort: `},
		"GET /api/v1/sessions?limit=x":                    {400, `parameter limit: `},
		"GET /api/v1/sessions?usr=bob":                    {400, `parameter usr: there is no such`},
		"GET /api/v1/sessions/follow?usr=bob":             {400, `parameter usr: there is no such`},
		"POST /api/v1/sessions/9/kill":                    {404, `no such session`},
		"POST /api/v1/sessions/0/kill":                    {404, `no such session`},
		"POST /api/v1/sessions/kill":                      {400, `name the sessions to end`},
		"POST /api/v1/sessions/kill?sort=id":              {400, `name the sessions to end`},
		"POST /api/v1/sessions/kill?all=false":            {400, `name the sessions to end`},
		"POST /api/v1/sessions/kill?all=yes":              {400, `parameter all: `},
		"POST /api/v1/sessions/kill?usr=bob&all=1":        {400, `parameter usr: there is no such`},
		"POST /api/v1/sessions/kill?user=bob":             {200, `{"killed":[]}`},
		"GET /api/v1/sessions/2/kill":                     {405, ``},
		"DELETE /api/v1/sessions/2":                       {405, ``},
		"POST /api/v1/sessions/follow":                    {405, ``},
		"GET /api/v1/sessions/kill?user=bob":              {404, `no such session`},
	} {
		if status, body := ask(t, at, request, "Host: x", "Content-Length: 0"); status != want.status || !strings.Contains(body, want.body) {
			t.Errorf("%s: got %d %s, want %d %s", request, status, body, want.status, want.body)
		}
	}
}

// Over an address sessions are seen by who has the token, if there is one, and
// ended by who has it.
func TestSessionsTakeTheToken(t *testing.T) {
	set := func() string { return token }
	for name, c := range map[string]struct {
		token      func() string
		header     string
		see, touch int
	}{
		"right":   {set, "Authorization: Bearer " + token, 200, 404},
		"wrong":   {set, "Authorization: Bearer x", 401, 401},
		"missing": {set, "Accept: */*", 401, 401},
		"none":    {nil, "Accept: */*", 200, 403},
		"by page": {set, "Origin: http://localhost", 401, 403},
	} {
		at := run(t, &admin.Server{Live: live.NewTable(), Token: c.token}, "127.0.0.1:0")
		for request, want := range map[string]int{
			"GET /api/v1/sessions": c.see, "GET /api/v1/sessions/follow?limit=x": max(400, c.see),
			"HEAD /api/v1/sessions": c.see, "POST /api/v1/sessions/1/kill": c.touch, "GET /healthz": 200,
		} {
			status, body := ask(t, at, request, "Host: localhost", "Content-Length: 0", c.header)
			if status != want {
				t.Errorf("%s, %s: got %d %s, want %d", name, request, status, body, want)
			}
		}
	}
}

// A service whose sessions are not kept has none to show.
func TestWithoutSessions(t *testing.T) {
	at := run(t, new(reloads).server(), socket(t))
	if status, _ := ask(t, at, "GET /api/v1/sessions", "Host: x"); status != 404 {
		t.Errorf("got %d, want 404", status)
	}
}

// What it takes to list many, from the service to its client.
func BenchmarkSessions10000(b *testing.B) {
	table := live.NewTable()
	for id := range uint64(10000) {
		table.Opened(made(id+1, fmt.Sprint("user", id%100), fmt.Sprint("host", id%1000, ".example.com")))
	}
	at := "unix:" + run(b, &admin.Server{Live: table}, socket(b)).String()
	b.ReportAllocs()
	for b.Loop() {
		list, err := (&admin.Client{Address: at}).Sessions(b.Context(), admin.Query{Sort: "bytes"})
		if err != nil || len(list.Sessions) != 10000 {
			b.Fatal(len(list.Sessions), err)
		}
	}
}
