package human

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Column is one of a [Table].
type Column struct {
	Name  string
	Right bool // its cells stand at the right, as numbers do
	Least int  // how wide it is at least
}

// Table returns the lines of a table: the names of the columns, then each row,
// with a cell for each column. Cells are to be Visible.
func Table(columns []Column, rows [][]string) []string {
	names := make([]string, len(columns))
	widths := make([]int, len(columns))
	for i, c := range columns {
		names[i], widths[i] = c.Name, max(Width(c.Name), c.Least)
	}
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], Width(cell))
		}
	}
	lines := []string{line(columns, widths, names)}
	for _, row := range rows {
		lines = append(lines, line(columns, widths, row))
	}
	return lines
}

// line returns cells in columns that wide, with nothing behind the last.
func line(columns []Column, widths []int, cells []string) string {
	var b strings.Builder
	for i, cell := range cells {
		if i > 0 {
			b.WriteString("  ")
		}
		pad := strings.Repeat(" ", widths[i]-Width(cell))
		if columns[i].Right {
			cell, pad = pad+cell, ""
		}
		b.WriteString(cell + pad)
	}
	return strings.TrimRight(b.String(), " ")
}

// Width returns how many columns of a terminal s takes, all of which prints.
func Width(s string) (n int) {
	for _, r := range s {
		n += widthOf(r)
	}
	return n
}

func widthOf(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me) { // stands over the one before
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Cut returns s in at most n columns, with a sign at its end where something is
// missing.
func Cut(s string, n int) string {
	if Width(s) <= n {
		return s
	}
	var b strings.Builder
	left := n - 1 // for the sign
	for _, r := range s {
		if left -= widthOf(r); left < 0 {
			break
		}
		b.WriteRune(r)
	}
	if n > 0 {
		b.WriteRune('…')
	}
	return b.String()
}
