package top

import (
	"context"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/socksctl/socksctl/internal/human"
)

// askLimit is how long the service may take for an answer.
const askLimit = 10 * time.Second

// model is what is shown, and what the user is about to do.
type model struct {
	Options
	ctx           context.Context // ends with the program
	width, height int

	sessions []Session // in their order
	shown    []Session // of them, what the filter lets through
	at       time.Time // when they came
	err      error     // why none came since
	asking   bool      // an answer is on its way
	again    bool      // what is asked for has changed meanwhile
	paused   bool

	reversed bool   // the order is
	filter   string // a part of what is shown of a session
	typing   bool   // the keys go into filter
	selected uint64 // id of a session; 0: none
	row      int    // of shown, where that was
	first    int    // of shown, at the top of the screen
	dying    *Session
	note     string // what came of the last kill
}

// What a model is told of beside the keys and the size of the terminal.
type (
	tickMsg struct{}
	listMsg struct {
		sessions []Session
		at       time.Time
		err      error
	}
	killMsg struct {
		id  uint64
		err error
	}
)

func newModel(ctx context.Context, o Options) *model {
	m := &model{Options: o, ctx: ctx, width: 80, height: 24}
	m.Order, m.reversed = strings.CutPrefix(o.Order, "-")
	return m
}

// Init asks for the first list.
func (m *model) Init() tea.Cmd { return tea.Batch(m.ask(), m.tick()) }

func (m *model) tick() tea.Cmd {
	return tea.Tick(m.Every, func(time.Time) tea.Msg { return tickMsg{} })
}

// ask asks for a list, unless one is on its way: then that is followed by another.
func (m *model) ask() tea.Cmd {
	if m.asking {
		m.again = true
		return nil
	}
	m.asking = true
	order := m.Order
	if m.reversed {
		order = "-" + order
	}
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(m.ctx, askLimit)
		defer cancel()
		sessions, err := m.Source.Sessions(ctx, order)
		return listMsg{sessions, time.Now(), err}
	}
}

// kill ends the session that was asked about.
func (m *model) kill() tea.Cmd {
	id := m.dying.ID
	m.dying = nil
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(m.ctx, askLimit)
		defer cancel()
		return killMsg{id, m.Source.Kill(ctx, id)}
	}
}

// Update takes what happened.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		cmd = m.press(msg)
	case tea.PasteMsg:
		m.paste(msg.Content)
	case tickMsg:
		cmd = m.tick()
		if !m.paused {
			cmd = tea.Batch(cmd, m.ask())
		}
	case listMsg:
		cmd = m.take(msg)
	case killMsg:
		m.note = "session " + id(msg.id) + " killed"
		if msg.err != nil {
			m.note = "session " + id(msg.id) + ": " + human.Visible(msg.err.Error())
		}
		cmd = m.ask()
	}
	m.arrange()
	return m, cmd
}

// take takes an answer of the service, or that there is none.
func (m *model) take(msg listMsg) tea.Cmd {
	m.asking, m.err = false, msg.err
	if msg.err == nil {
		m.sessions, m.at = msg.sessions, msg.at
	}
	if m.again {
		m.again = false
		return m.ask()
	}
	return nil
}

// arrange brings what is shown, and where, up to date.
func (m *model) arrange() {
	m.shown = m.sessions
	if m.filter != "" {
		part := strings.ToLower(m.filter)
		m.shown = nil
		for _, s := range m.sessions {
			if slices.ContainsFunc(s.cells(m.at), func(cell string) bool { return strings.Contains(strings.ToLower(cell), part) }) {
				m.shown = append(m.shown, s)
			}
		}
	}
	if at := m.place(); at >= 0 {
		m.row = at
	} else if m.row = max(min(m.row, len(m.shown)-1), 0); len(m.shown) > 0 {
		m.selected = m.shown[m.row].ID // another has its place
	}
	m.first = max(min(m.first, m.row, len(m.shown)-m.rows()), m.row-m.rows()+1, 0)
}

// place returns where in what is shown the selected session is; -1: nowhere.
func (m *model) place() int {
	return slices.IndexFunc(m.shown, func(s Session) bool { return s.ID == m.selected })
}

// move selects the session n further down.
func (m *model) move(n int) {
	if len(m.shown) > 0 {
		m.selected = m.shown[max(min(m.place()+n, len(m.shown)-1), 0)].ID
	}
}
