package report_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/bench/load/internal/report"
	"github.com/socksctl/socksctl/bench/load/internal/result"
	"github.com/socksctl/socksctl/bench/load/internal/scenario"
	"github.com/socksctl/socksctl/bench/load/internal/subject"
)

// example is a scenario with figures of all kinds.
func example() (scenario.Scenario, *result.Set) {
	s := scenario.Scenario{
		Name: "plain/bulk", Title: "Relay <of> bytes", Base: "base",
		Metrics:  []scenario.Metric{{Key: "cpu", Unit: "CPU-s", Digits: 2}, {Key: "rate", Unit: "1/s"}},
		Subjects: []subject.Subject{{Name: "socksctl", Ours: true}, {Name: "base", Bound: true}},
	}
	set := &result.Set{Scenario: s.Name, Rounds: 3, Commit: "abc", Machine: result.Machine{Cores: 2, CPU: "some CPU", Memory: "24 GiB", Kernel: "6.1", Go: "go1.26"}}
	ours := set.Subject("socksctl").Values
	ours["cpu"], ours["rate"] = []float64{3, 1, 2}, []float64{1500}
	set.Subject("base").Values["cpu"] = []float64{1.6}
	set.Subject("gone").Absent = true
	set.Subject("broken").Error = "/some/path: no"
	return s, set
}

const empty = `# Performance

<!-- machine: begin, by make bench -->
<!-- machine: end, by make bench -->
Prose.
<!-- goals: begin, by make bench -->
<!-- goals: end, by make bench -->
<!-- tables: begin, by make bench -->
<!-- tables: end, by make bench -->
`

func TestWrite(t *testing.T) {
	docs := t.TempDir()
	path := filepath.Join(docs, "performance.md")
	if err := os.WriteFile(path, []byte(empty), 0o600); err != nil {
		t.Fatal(err)
	}
	s, set := example()
	if err := report.Write(docs, []scenario.Scenario{s, {Name: "plain/other"}}, map[string]*result.Set{s.Name: set}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\n- 2 cores (some CPU), 24 GiB of memory, Linux 6.1, go1.26; rounds: 3; commit abc\n",
		"\nProse.\n",
		"\n| 1 | plain relay, CPU a GiB | at most 1.25 x bare splice relay | - | not measured |\n",
		"\n| | CPU-s | 1/s | ratio |\n|---|---|---|---|\n" +
			"| socksctl | 2.00 (1.00 to 3.00) | 1500 | 1.25 |\n| base | 1.60 | - | 1.00 |\n" +
			"| gone | - | - | not to be had here |\n| broken | - | - | failed |\n",
		"](charts/plain-bulk.svg)\n",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("it lacks %q:\n%s", want, text)
		}
	}
	drawn, err := os.ReadFile(filepath.Join(docs, "charts", "plain-bulk.svg"))
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, string(drawn))
	if strings.Count(string(drawn), "<path") != 2 || strings.Contains(string(drawn), "gone") {
		t.Errorf("want two rows, got\n%s", drawn)
	}
}

func wellFormed(t *testing.T, text string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
	}
}

func TestCompare(t *testing.T) {
	s, set := example()
	set.Subjects = nil
	set.Subject(scenario.A).Values["cpu"] = []float64{2}
	set.Subject(scenario.B).Values["cpu"] = []float64{1, 2, 1}
	var out strings.Builder
	if err := report.Compare(&out, []scenario.Scenario{s}, []*result.Set{set}); err != nil {
		t.Fatal(err)
	}
	want := "    scenario  metric     A     B   B/A\n  plain/bulk   CPU-s  2.00  1.00  0.50\n  plain/bulk     1/s     -     -     -\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
