package history_test

import (
	"database/sql"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/destination"
	"github.com/socksctl/socksctl/internal/history"
)

// rowsVariable is how many rows the plans are looked at with: 10,000 unless it is
// set. The times of the queries are told then.
const rowsVariable = "SOCKSCTL_HISTORY_ROWS"

// days is how long the sessions of fill go back, from begin.
const days = 90

// fill makes n sessions of 500 users at some 20,000 hosts, a fiftieth of them
// associations. What differs between the databases stands in capitals.
func fill(t *testing.T, db *sql.DB, kind string, n int) {
	t.Helper()
	differs := map[string][]string{
		"sqlite": {
			"ROWS", fmt.Sprintf("(WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i + 1 < %d) SELECT i FROM c) AS c", n),
			"AT(", "(", "BEGIN", fmt.Sprint(begin.UnixMicro()), "SECOND", "1000000",
		},
		"postgres": {
			"ROWS", fmt.Sprintf("generate_series(0, %d) AS c(i)", n-1),
			"AT(", "(", "BEGIN", "TIMESTAMPTZ '" + begin.Format(time.RFC3339Nano) + "'", "SECOND", "INTERVAL '1 second'",
		},
	}
	const sessions = `INSERT INTO sessions
		SELECT 1, i, 'a', CASE WHEN i >= N - 20 THEN 'open' WHEN i % 100 = 3 THEN 'refused' WHEN i % 1000 = 7 THEN 'interrupted' ELSE 'closed' END,
		CASE WHEN i >= N - 20 THEN '' WHEN i % 200 = 3 THEN 'denied' WHEN i % 200 = 103 THEN 'login' WHEN i % 1000 = 7 THEN 'interrupted' WHEN i % 10 = 9 THEN 'aborted' ELSE 'ok' END,
		'relay', 0, AT(BEGIN - i * STEP * SECOND), AT(BEGIN - i * STEP * SECOND), AT(BEGIN - i * STEP * SECOND),
		'192.0.2.1:5555', '127.0.0.1:1080', 'TLS 1.3', '1f', 'user' || (i % 500), '', '[]', 'certificate',
		CASE WHEN i % 50 = 0 THEN 'udp' ELSE 'connect' END,
		'host' || (i * 7 % 19997) || '.example.com', 'com.example.host' || (i * 7 % 19997), 443,
		'198.51.' || (i * 7 % 199) || '.' || (i * 7 % 101), 443, '192.0.2.9:4444', 'no. 1: the staff may go anywhere', i % 1000, i * 31 % 9973, i % 1000 + i * 31 % 9973,
		0, 0, '{}', '', AT(BEGIN - i * STEP * SECOND), '', 'V4c633' || HEX(i * 7 % 199) || HEX(i * 7 % 101) FROM ROWS`
	const targets = `INSERT INTO targets
		SELECT 1, i, 0, AT(BEGIN - i * STEP * SECOND), 'dns' || (i % 997) || '.test', 'test.dns' || (i % 997), '203.0.113.' || (i / 50 % 199), 53, 100, 200, 1, 1,
		AT(BEGIN - i * STEP * SECOND), AT(BEGIN - i * STEP * SECOND), 'V4cb0071' || HEX(i / 50 % 199) FROM ROWS WHERE i % 50 = 0`
	common := []string{"STEP", fmt.Sprint(float64(days*24*3600) / float64(n)), "N -", fmt.Sprint(n, " -")}
	for _, text := range []string{sessions, targets, "ANALYZE"} {
		text = strings.NewReplacer(append(common, differs[kind]...)...).Replace(text)
		hex := map[string]string{"sqlite": "printf('%02x', $1)", "postgres": "lpad(to_hex($1), 2, '0')"}[kind]
		text = regexp.MustCompile(`HEX\(([^()]+)\)`).ReplaceAllString(text, hex)
		if kind == "sqlite" {
			text = regexp.MustCompile(`\((\d+ - i \* [0-9.]+ \* \d+)\)`).ReplaceAllString(text, "CAST($1 AS INTEGER)")
		}
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
}

// asked is every filter that there is, alone and with others.
func asked(t *testing.T) map[string]history.Filter {
	to := func(s string) history.Filter {
		d, err := destination.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return history.Filter{To: d}
	}
	yesterday := begin.Add(-24 * time.Hour)
	filters := map[string]history.Filter{
		"all": {}, "user": {User: "user7"}, "nobody": {User: "nobody"},
		"to": to("host7.example.com"), "to port": to("host7.example.com:443"), "to below": to("*.host7.example.com"),
		"to all below": to("*.example.com"), "to address": to("198.51.7.7"), "to target": to("dns7.test"), "to target address": to("203.0.113.7"),
		"to network": to("198.51.7.0/28"), "to wide network": to("198.51.0.0/20"), "to network of targets": to("203.0.113.0/28"), "to any at port": to(":443"), "to targets at port": to(":53"),
		"open": {Status: "open"}, "closed": {Status: "closed"}, "refused": {Status: "refused"}, "interrupted": {Status: "interrupted"},
		"denied": {Status: "denied"}, "aborted": {Status: "aborted"}, "ok": {Status: "ok"},
		"since": {Since: yesterday}, "until": {Until: begin.Add(-days * 23 * time.Hour)}, "between": {Since: yesterday.Add(-time.Hour), Until: yesterday},
		"user since":   {User: "user7", Since: yesterday},
		"user refused": {User: "user7", Status: "refused"},
	}
	all := make(map[string]history.Filter)
	for name, f := range filters {
		f.Limit = 100
		all[name] = f
		f.Order = history.ByBytes
		all[name+", by bytes"] = f
	}
	return all
}

// summed is what totals are asked of: a day of all, and all of one.
func summed(t *testing.T) map[string]history.Filter {
	to, err := destination.Parse("host7.example.com")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]history.Filter{
		"a day": {Since: begin.Add(-24 * time.Hour), Limit: 100}, "a user": {User: "user7", Limit: 100},
		"a host": {To: to, Limit: 100}, "refused": {Status: "refused", Since: begin.Add(-7 * 24 * time.Hour), Limit: 100},
	}
}

func total(t *testing.T, s history.Store, f history.Filter, by history.Axis) int {
	t.Helper()
	totals, err := s.Totals(t.Context(), f, by)
	if err != nil {
		t.Fatal(err)
	}
	return len(totals)
}

// Whatever is asked for is found by an index, and never by looking through a table.
func TestEveryFilterUsesAnIndex(t *testing.T) {
	n, measured := 10000, os.Getenv(rowsVariable) != ""
	if measured {
		var err error
		if n, err = strconv.Atoi(os.Getenv(rowsVariable)); err != nil {
			t.Fatal(err)
		}
	}
	for kind, where := range kinds() {
		t.Run(kind, func(t *testing.T) {
			s := where(t).open(t, 1)
			began := time.Now()
			fill(t, history.DB(s), kind, n)
			t.Logf("%d rows filled in %v", n, time.Since(began).Round(time.Millisecond))
			for name, f := range asked(t) {
				text, args := history.SessionsQuery(s, f)
				usesIndexes(t, s, kind, name, text, args)
				if measured {
					measure(t, name, func() int { return len(all(t, s, f)) })
				}
			}
			for name, f := range summed(t) {
				for _, by := range []history.Axis{history.PerUser, history.PerDestination} {
					text, args := history.TotalsQuery(s, f, by)
					usesIndexes(t, s, kind, "totals of "+name, text, args)
					if measured {
						measure(t, "totals of "+name+" per "+string(by), func() int { return total(t, s, f, by) })
					}
				}
			}
		})
	}
}

func measure(t *testing.T, name string, ask func() int) {
	t.Helper()
	began := time.Now()
	got := ask()
	t.Logf("%-32s %4d in %v", name, got, time.Since(began).Round(10*time.Microsecond))
}

// scans finds the steps of a plan that look through a table.
var scans = map[string]*regexp.Regexp{
	"sqlite":   regexp.MustCompile(`(?m)^SCAN (s|t|sessions|targets)(?: USING .*)?$`),
	"postgres": regexp.MustCompile(`Seq Scan on \w+`),
}

func usesIndexes(t *testing.T, s history.Store, kind, name, text string, args []any) {
	t.Helper()
	small := os.Getenv(rowsVariable) == ""
	plan := planOf(t, history.DB(s), kind, text, args, small)
	for _, step := range scans[kind].FindAllString(plan, -1) {
		if !strings.Contains(step, "INDEX") {
			t.Errorf("%s: %s\n%s\nby\n%s", name, step, text, plan)
		}
	}
}

// planOf returns the steps by which a database answers, one a line.
func planOf(t *testing.T, db *sql.DB, kind, text string, args []any, small bool) string {
	t.Helper()
	explain := map[string]string{"sqlite": "EXPLAIN QUERY PLAN ", "postgres": "EXPLAIN "}[kind]
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if kind == "postgres" && small { // it takes no index for a table of few pages, unless it is to
		if _, err := tx.ExecContext(t.Context(), "SET LOCAL enable_seqscan = off"); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := tx.QueryContext(t.Context(), explain+text, args...)
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var step string
		var ignored int
		if kind == "sqlite" {
			err = rows.Scan(&ignored, &ignored, &ignored, &step)
		} else {
			err = rows.Scan(&step)
		}
		if err != nil {
			t.Fatal(err)
		}
		plan = append(plan, step)
	}
	if len(plan) == 0 || rows.Err() != nil {
		t.Fatalf("no plan: %v", rows.Err())
	}
	return strings.Join(plan, "\n")
}
