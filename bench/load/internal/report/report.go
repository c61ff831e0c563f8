package report

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/socksctl/socksctl/bench/load/internal/result"
	"github.com/socksctl/socksctl/bench/load/internal/scenario"
)

// charts is the directory of the drawings, from that of the documentation.
const charts = "charts"

// Write writes goals, tables and charts into the documentation: the first two
// between markers of performance.md.
func Write(docs string, all []scenario.Scenario, sets map[string]*result.Set) error {
	if err := os.MkdirAll(filepath.Join(docs, charts), 0o755); err != nil { //nolint:gosec // documentation is for everyone
		return err
	}
	for _, s := range all {
		if set := sets[s.Name]; set != nil {
			if err := write(filepath.Join(docs, chartPath(s)), chart(s, set)); err != nil {
				return err
			}
		}
	}
	return rewrite(filepath.Join(docs, "performance.md"), map[string]string{
		"machine": machine(all, sets),
		"goals":   goals(scenario.Goals(), sets),
		"tables":  tables(all, sets),
	})
}

func chartPath(s scenario.Scenario) string {
	return filepath.Join(charts, strings.ReplaceAll(s.Name, "/", "-")+".svg")
}

// machine tells where, how often and of which commit the scenarios were measured.
// Those that were measured alike share a line.
func machine(all []scenario.Scenario, sets map[string]*result.Set) string {
	var lines []string
	named := make(map[string][]string)
	for _, s := range all {
		set := sets[s.Name]
		if set == nil {
			continue
		}
		line := fmt.Sprintf("%s; rounds: %d; commit %s", set.Machine, set.Rounds, set.Commit)
		if named[line] == nil {
			lines = append(lines, line)
		}
		named[line] = append(named[line], s.Name)
	}
	var b strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&b, "- %s", line)
		if len(lines) > 1 {
			fmt.Fprintf(&b, ": %s", strings.Join(named[line], ", "))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// goals is the table of the goals.
func goals(all []scenario.Goal, sets map[string]*result.Set) string {
	var b strings.Builder
	b.WriteString("| | what | goal | measured | |\n|---|---|---|---|---|\n")
	for _, g := range all {
		v := g.Judge(sets)
		measured, verdict := "-", "not measured"
		if v.Measured {
			measured, verdict = number(v.Value), "**not reached**"
		}
		if v.Reached {
			verdict = "reached"
		}
		fmt.Fprintf(&b, "| %d | %s | at most %s | %s | %s |\n", g.Number, g.What, limit(g), measured, verdict)
	}
	return b.String()
}

func limit(g scenario.Goal) string {
	if len(g.Over) == 0 {
		return number(g.Most) + " " + g.Unit
	}
	return fmt.Sprintf("%s x %s", number(g.Most), g.Of)
}

// number writes two digits behind the point, and none that are zeros.
func number(f float64) string {
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.2f", f), "0"), ".")
}
