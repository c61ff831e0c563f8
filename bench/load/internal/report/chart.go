package report

import (
	"fmt"
	"html"
	"slices"
	"strings"

	"github.com/socksctl/socksctl/bench/load/internal/result"
	"github.com/socksctl/socksctl/bench/load/internal/scenario"
)

// Places in a chart, in pixels.
const (
	chartWidth = 760
	labelWidth = 270
	barWidth   = 380
	rowHeight  = 26
	headHeight = 40
)

// Colours of the bars.
const (
	colourOurs  = "#2563eb"
	colourBound = "#9ca3af"
	colourPeer  = "#f59e0b"
)

// chart draws the first metric of a scenario: a bar to the median of each subject,
// and a line over its range.
func chart(s scenario.Scenario, set *result.Set) string {
	m := s.Metrics[0]
	rows := slices.DeleteFunc(slices.Clone(set.Subjects), func(one *result.Subject) bool { return len(one.Values[m.Key]) == 0 })
	var most float64
	for _, one := range rows {
		most = max(most, slices.Max(one.Values[m.Key]))
	}
	if most == 0 {
		most = 1
	}
	var b strings.Builder
	height := headHeight + rowHeight*len(rows) + 10
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" font-family="sans-serif" font-size="13">`+"\n", chartWidth, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", chartWidth, height)
	fmt.Fprintf(&b, `<text x="12" y="24" font-weight="bold" fill="#111827">%s: %s, less is better</text>`+"\n", html.EscapeString(s.Title), html.EscapeString(m.Unit))
	for i, one := range rows {
		row(&b, headHeight+rowHeight*i, one, m, colour(s, one.Name), barWidth/most)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// row is one subject, from y down.
func row(b *strings.Builder, y int, one *result.Subject, m scenario.Metric, colour string, scale float64) {
	values := one.Values[m.Key]
	median := result.Median(values)
	low, high := slices.Min(values)*scale, slices.Max(values)*scale
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end" fill="#111827">%s</text>`+"\n", labelWidth-8, y+16, html.EscapeString(one.Name))
	fmt.Fprintf(b, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", labelWidth, y+3, max(0, median*scale), rowHeight-8, colour)
	fmt.Fprintf(b, `<path d="M%.1f %d H%.1f" stroke="#111827"/>`+"\n", labelWidth+low, y+rowHeight/2-1, labelWidth+high)
	fmt.Fprintf(b, `<text x="%.1f" y="%d" fill="#111827">%.*f</text>`+"\n", labelWidth+max(high, median*scale)+8, y+16, m.Digits, median)
}

func colour(s scenario.Scenario, name string) string {
	for _, one := range s.Subjects {
		switch {
		case one.Name != name:
			continue
		case one.Ours:
			return colourOurs
		case one.Bound:
			return colourBound
		}
	}
	return colourPeer
}
