package top

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/socksctl/socksctl/internal/human"
)

// frame is how many lines stand around the sessions.
const frame = 4

// What stands before a session, one that is not selected and the one that is.
const (
	unmarked = "  "
	marked   = "> "
)

// rows returns how many sessions there is room for.
func (m *model) rows() int { return max(m.height-frame, 1) }

// View draws the screen: what all sessions do, what is being asked, the sessions,
// and the keys.
func (m *model) View() tea.View {
	bold, dim := lipgloss.NewStyle().Bold(true), lipgloss.NewStyle().Faint(true)
	table := human.Table(m.fitting())
	lines := []string{bold.Render(m.cut(m.title())), m.question(), bold.Render(m.cut(unmarked + table[0]))}
	for i, line := range table[1:] {
		mark, style := unmarked, lipgloss.NewStyle()
		if m.shown[m.first+i].ID == m.selected {
			mark, style = marked, style.Reverse(true)
		}
		lines = append(lines, style.Render(m.cut(mark+line)))
	}
	for len(lines) < m.height-1 {
		lines = append(lines, "")
	}
	v := tea.NewView(strings.Join(append(lines, dim.Render(m.cut(help))), "\n"))
	v.AltScreen = true
	return v
}

// cut returns a line as the terminal has room for it.
func (m *model) cut(line string) string { return human.Cut(line, m.width) }

// Title returns what the sessions of a service do together.
func Title(service string, sessions int, up, down int64) string {
	return fmt.Sprintf("%s  %s  up %s  down %s", human.Visible(service), human.Count(sessions, "session"), human.Rate(up), human.Rate(down))
}

// title returns what all sessions do together.
func (m *model) title() string {
	var up, down int64
	for _, s := range m.sessions {
		up += s.RateUp
		down += s.RateDown
	}
	text := Title(m.Options.Title, len(m.sessions), up, down)
	if !m.at.IsZero() {
		text += "  " + m.at.Local().Format(time.TimeOnly)
	}
	text += "  by " + m.Order
	if m.reversed {
		text += ", reversed"
	}
	if m.paused {
		text += "  paused"
	}
	return text
}

// question returns the line on which the user is asked and told.
func (m *model) question() string {
	warn := lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Red)
	switch {
	case m.dying != nil:
		return warn.Render(m.cut(m.dying.question()))
	case m.typing:
		return m.cut("filter: " + m.filter + "_")
	case m.err != nil:
		return warn.Render(m.cut(human.Visible(m.err.Error())))
	case m.note != "":
		return m.cut(m.note)
	case m.filter != "":
		return m.cut(fmt.Sprintf("filter: %s  (%d shown, esc ends it)", m.filter, len(m.shown)))
	}
	return ""
}

// columns are what is shown of a session.
func columns() []human.Column {
	return []human.Column{
		{Name: "ID", Right: true, Least: 5}, {Name: "USER", Least: 6}, {Name: "CLIENT", Least: 15}, {Name: "COMMAND"}, {Name: destinationColumn, Least: leastDestination},
		{Name: "UP", Right: true, Least: 8}, {Name: "DOWN", Right: true, Least: 8}, {Name: "RATE", Right: true, Least: 10}, {Name: "AGE", Right: true, Least: 6},
		{Name: "RULE"},
	}
}

// cells returns s in the columns, at some moment.
func (s *Session) cells(now time.Time) []string {
	return []string{
		id(s.ID), named(s.User), named(s.Client), human.Visible(s.Command), named(s.destination()),
		human.Size(s.Up), human.Size(s.Down), human.Rate(s.RateUp + s.RateDown), human.Took(now.Sub(s.Start)), human.Visible(s.Rule),
	}
}

// question asks whether s is to be ended.
func (s *Session) question() string {
	text := "kill session " + id(s.ID)
	if s.User != "" {
		text += " of " + human.Visible(s.User)
	}
	if to := s.destination(); to != "" {
		text += " to " + human.Visible(to)
	}
	return text + "? y/n"
}

func (s *Session) destination() string { return s.Destination(s.TargetCount) }

func id(n uint64) string { return strconv.FormatUint(n, 10) }

// named returns text of others for the terminal, and a sign for none.
func named(text string) string { return cmp.Or(human.Visible(text), "-") }
