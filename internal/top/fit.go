package top

import (
	"slices"

	"github.com/socksctl/socksctl/internal/human"
)

const (
	destinationColumn = "DESTINATION"
	leastDestination  = 20
)

// fitting returns the sessions on the screen, in the columns for which there is
// room: some go, then destinations are cut, then others go.
func (m *model) fitting() (all []human.Column, rows [][]string) {
	for i := m.first; i < min(m.first+m.rows(), len(m.shown)); i++ {
		rows = append(rows, m.shown[i].cells(m.at))
	}
	all = columns()
	for _, name := range []string{"RULE", "CLIENT", "COMMAND", destinationColumn, "AGE", "UP", "USER", "DOWN"} {
		over := widest(human.Table(all, rows)) - (m.width - len(unmarked))
		if over <= 0 {
			break
		}
		at := slices.IndexFunc(all, func(c human.Column) bool { return c.Name == name })
		if name == destinationColumn {
			narrow(rows, at, over)
			continue
		}
		all = without(all, at)
		for i := range rows {
			rows[i] = without(rows[i], at)
		}
	}
	return all, rows
}

func widest(lines []string) (n int) {
	for _, line := range lines {
		n = max(n, human.Width(line))
	}
	return n
}

func without[T any](row []T, at int) []T { return slices.Delete(slices.Clone(row), at, at+1) }

// narrow cuts the destinations in a column, so that it is that much less wide.
func narrow(rows [][]string, at, over int) {
	most := 0
	for _, row := range rows {
		most = max(most, human.Width(row[at]))
	}
	for _, row := range rows {
		row[at] = human.Cut(row[at], max(most-over, leastDestination))
	}
}
