package history_test

import (
	"strings"
	"testing"

	"github.com/socksctl/socksctl/internal/destination"
	"github.com/socksctl/socksctl/internal/history"
)

// before is rows as the first version of the tables had them: sessions 1 to 3, and
// a target of the third.
const before = `
INSERT INTO sessions (run, id, node, status, reason, stage, reply, start, active, finish, client, listener, tls, serial, username, tried,
	user_groups, method, command, host, host_key, port, resolved, resolved_port, egress, rule, up, down, bytes, datagrams_up, datagrams_down, dropped, error, written)
SELECT 5, i, 'a', 'closed', 'ok', 'relay', 0, AT, AT, AT, 'c', 'l', '', '', 'alice', '',
	'[]', '', CASE WHEN i = 3 THEN 'udp' ELSE 'connect' END, CASE WHEN i = 1 THEN '192.0.2.7' WHEN i = 2 THEN 'a.example.com' ELSE '' END,
	CASE WHEN i = 1 THEN '192.0.2.7' WHEN i = 2 THEN 'com.example.a' ELSE '' END, 443, CASE WHEN i = 2 THEN '2001:db8::1' ELSE '' END, 443, '', '', 1, 2, 3, 0, 0, '{}', '', AT
FROM (SELECT 1 AS i UNION SELECT 2 UNION SELECT 3) AS numbers;
INSERT INTO targets (run, id, n, start, host, host_key, address, port, up, down, datagrams_up, datagrams_down, first, last)
VALUES (5, 3, 0, AT, '', '', '192.0.2.9', 53, 1, 1, 1, 1, AT, AT);`

// What older versions wrote is found by all that this one asks for.
func TestMigrations(t *testing.T) {
	eachStore(t, func(t *testing.T, p place) {
		s, err := p.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := history.MigrateTo(t.Context(), s, 1); err != nil {
			t.Fatal(err)
		}
		at := "1000000"
		if strings.HasPrefix(p.String(), "postgres") {
			at = "TIMESTAMPTZ '1970-01-01 00:00:01Z'"
		}
		if _, err := history.DB(s).Exec(strings.ReplaceAll(before, "AT", at)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Begin(t.Context(), "a", 1); err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string]int{
			"": 3, "192.0.2.7": 1, "192.0.2.0/24": 2, "192.0.2.9:53": 1, "a.example.com": 1, "*.example.com": 1, "2001:db8::/32": 1, ":443": 3, ":53": 1,
		} {
			to, err := destination.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(all(t, s, history.Filter{To: to})); got != want {
				t.Errorf("%q: got %d sessions, want %d", text, got, want)
			}
		}
		store(t, s, full()) // a column that is new among them
		if got := all(t, s, history.Filter{Limit: 1}); len(got) != 1 || got[0].Via != full().Via {
			t.Errorf("got %+v", got)
		}
	})
}
