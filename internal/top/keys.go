package top

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
)

// help names the keys.
const help = "q quit  ↑↓ select  ←→ order  r reverse  / filter  k kill  p pause"

// press takes a key.
func (m *model) press(key tea.KeyPressMsg) tea.Cmd {
	switch {
	case key.String() == "ctrl+c":
		return tea.Quit
	case m.dying != nil:
		return m.decide(key)
	case m.typing:
		m.write(key)
		return nil
	}
	m.note = ""
	switch key.String() {
	case "q":
		return tea.Quit
	case "up", "down", "pgup", "pgdown", "home", "end":
		m.scroll(key.String())
	case "left":
		return m.orderBy(-1)
	case "right", "s":
		return m.orderBy(1)
	case "r":
		m.reversed = !m.reversed
		return m.ask()
	case "p", "space":
		m.paused = !m.paused
	case "/":
		m.typing = true
	case "esc":
		m.filter = ""
	case "k", "delete":
		m.doom()
	}
	return nil
}

func (m *model) scroll(key string) {
	switch key {
	case "up":
		m.move(-1)
	case "down":
		m.move(1)
	case "pgup":
		m.move(-m.rows())
	case "pgdown":
		m.move(m.rows())
	case "home":
		m.move(-len(m.shown))
	case "end":
		m.move(len(m.shown))
	}
}

// orderBy takes the order n further on.
func (m *model) orderBy(n int) tea.Cmd {
	at := slices.Index(m.Orders, m.Order) + n
	m.Order = m.Orders[(at+len(m.Orders))%len(m.Orders)]
	m.reversed = false
	return m.ask()
}

// doom asks whether the selected session is to be ended. That is the one, whatever
// is shown when the answer comes.
func (m *model) doom() {
	if at := m.place(); at >= 0 {
		s := m.shown[at]
		m.dying = &s
	}
}

// decide takes the answer to that.
func (m *model) decide(key tea.KeyPressMsg) tea.Cmd {
	if key.String() == "y" {
		return m.kill()
	}
	m.dying = nil
	return nil
}

// write takes a key into the filter.
func (m *model) write(key tea.KeyPressMsg) {
	switch key.String() {
	case "enter":
		m.typing = false
	case "esc":
		m.typing, m.filter = false, ""
	case "backspace":
		_, last := utf8.DecodeLastRuneInString(m.filter)
		m.filter = m.filter[:len(m.filter)-last]
	default:
		m.paste(key.Text)
	}
}

// paste appends text to the filter, if that is where keys go.
func (m *model) paste(text string) {
	if m.typing && m.dying == nil && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		m.filter += text
	}
}
