package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/socksctl/socksctl/bench/load/internal/result"
	"github.com/socksctl/socksctl/bench/load/internal/scenario"
)

// tables is a table and a chart for each scenario that was measured.
func tables(all []scenario.Scenario, sets map[string]*result.Set) string {
	var b strings.Builder
	for _, s := range all {
		if set := sets[s.Name]; set != nil {
			fmt.Fprintf(&b, "\n### %s\n\n`%s`\n\n", s.Title, s.Name)
			table(&b, s, set)
			fmt.Fprintf(&b, "\n![%s](%s)\n", s.Title, chartPath(s))
			texts(&b, set)
		}
	}
	return b.String()
}

// table has a line a subject. Ratios are of the first metric, over the base.
func table(b *strings.Builder, s scenario.Scenario, set *result.Set) {
	b.WriteString("| |")
	for _, m := range s.Metrics {
		fmt.Fprintf(b, " %s |", m.Unit)
	}
	fmt.Fprintf(b, " ratio |\n|---|%s---|\n", strings.Repeat("---|", len(s.Metrics)))
	base, _ := set.Median(s.Base, s.Metrics[0].Key)
	for _, one := range set.Subjects {
		fmt.Fprintf(b, "| %s |", one.Name)
		if len(one.Values) == 0 {
			fmt.Fprintf(b, "%s |\n", strings.Repeat(" - |", len(s.Metrics))+" "+why(one))
			continue
		}
		for _, m := range s.Metrics {
			fmt.Fprintf(b, " %s |", spread(one.Values[m.Key], m.Digits))
		}
		fmt.Fprintf(b, " %s |\n", ratio(result.Median(one.Values[s.Metrics[0].Key]), base))
	}
}

// texts are what there is to see besides.
func texts(b *strings.Builder, set *result.Set) {
	for _, one := range set.Subjects {
		if one.Text != "" {
			fmt.Fprintf(b, "\n```\n%s\n```\n", strings.TrimSpace(one.Text))
		}
	}
}

// why tells why a subject has no figures. What went wrong in detail is in the log
// of the run: it names places of that machine.
func why(one *result.Subject) string {
	if one.Absent {
		return "not to be had here"
	}
	return "failed"
}

// spread is the median and the range of values.
func spread(values []float64, digits int) string {
	if len(values) == 0 {
		return "-"
	}
	median := fmt.Sprintf("%.*f", digits, result.Median(values))
	if len(values) == 1 {
		return median
	}
	return fmt.Sprintf("%s (%.*f to %.*f)", median, digits, slices.Min(values), digits, slices.Max(values))
}
