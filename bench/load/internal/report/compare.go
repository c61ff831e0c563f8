// Package report writes down what was measured.
package report

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/socksctl/socksctl/bench/load/internal/result"
	"github.com/socksctl/socksctl/bench/load/internal/scenario"
)

// Compare prints the medians of A and B and the ratio of B to A.
func Compare(out io.Writer, all []scenario.Scenario, sets []*result.Set) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "scenario\tmetric\tA\tB\tB/A\t")
	for _, set := range sets {
		for _, m := range metrics(all, set.Scenario) {
			a, okA := set.Median(scenario.A, m.Key)
			b, okB := set.Median(scenario.B, m.Key)
			if !okA || !okB {
				fmt.Fprintf(w, "%s\t%s\t-\t-\t-\t\n", set.Scenario, m.Unit)
				continue
			}
			fmt.Fprintf(w, "%s\t%s\t%.*f\t%.*f\t%s\t\n", set.Scenario, m.Unit, m.Digits, a, m.Digits, b, ratio(b, a))
		}
	}
	return w.Flush()
}

func metrics(all []scenario.Scenario, name string) []scenario.Metric {
	for _, s := range all {
		if s.Name == name {
			return s.Metrics
		}
	}
	return nil
}

// ratio is a over b, and a dash if there is none.
func ratio(a, b float64) string {
	if b == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", a/b)
}
