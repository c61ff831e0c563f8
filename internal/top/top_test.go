package top

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/internal/history"
	"github.com/socksctl/socksctl/internal/human"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a service with some sessions, and a record of what it was asked.
type fake struct {
	sessions []Session
	err      error
	asked    []string
	killed   []uint64
}

func (f *fake) Sessions(_ context.Context, order string) ([]Session, error) {
	f.asked = append(f.asked, order)
	return f.sessions, f.err
}

func (f *fake) Kill(_ context.Context, id uint64) error {
	f.killed = append(f.killed, id)
	f.sessions = slices.DeleteFunc(f.sessions, func(s Session) bool { return s.ID == id })
	return f.err
}

// session returns one of a user to a host, that has just begun.
func session(id uint64, user, host string) Session {
	r := history.Record{ID: id, User: user, Client: "192.0.2.1:4000", Command: "connect", Host: host, Port: 443, Rule: "user *, rule 1", Start: time.Now()}
	return Session{Record: r, RateDown: int64(id) * 1024}
}

// screen is a model as a terminal drives it.
type screen struct {
	*model
	service *fake
}

func newScreen(t *testing.T, sessions ...Session) *screen {
	t.Helper()
	f := &fake{sessions: sessions}
	s := &screen{newModel(t.Context(), Options{Source: f, Title: "here", Orders: []string{"id", "user", "rate"}, Order: "rate", Every: time.Hour}), f}
	s.do(s.ask())
	s.Update(tea.WindowSizeMsg{Width: 120, Height: 12})
	return s
}

// do carries out a command and has the model know of what comes of it.
func (s *screen) do(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	_, next := s.Update(cmd())
	s.do(next)
}

// press presses keys, and returns the screen.
func (s *screen) press(keys ...string) string {
	special := map[string]rune{
		"up": tea.KeyUp, "down": tea.KeyDown, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "home": tea.KeyHome, "end": tea.KeyEnd,
		"left": tea.KeyLeft, "right": tea.KeyRight, "esc": tea.KeyEscape, "enter": tea.KeyEnter, "backspace": tea.KeyBackspace,
	}
	for _, key := range keys {
		press := tea.KeyPressMsg{Text: key, Code: []rune(key)[0]}
		if code := special[key]; code != 0 {
			press = tea.KeyPressMsg{Code: code}
		}
		_, cmd := s.Update(press)
		s.do(cmd)
	}
	return s.text()
}

// sgr is what styles are made of.
var sgr = regexp.MustCompile(`\x1b\[[0-9;]*m`)

func (s *screen) text() string { return sgr.ReplaceAllString(s.View().Content, "") }

// ids returns the sessions on the screen, the selected one with a mark.
func (s *screen) ids() string {
	var all []string
	for _, line := range strings.Split(s.text(), "\n")[3:] {
		if fields := strings.Fields(strings.TrimPrefix(line, marked)); len(fields) > 3 && fields[0] != "q" {
			all = append(all, strings.TrimSpace(line[:1])+fields[0])
		}
	}
	return strings.Join(all, " ")
}

func TestScreen(t *testing.T) {
	s := newScreen(t, session(12, "alice", "example.com"), session(7, "", "192.0.2.9"))
	s.at = s.sessions[0].Start.Add(90 * time.Second)
	s.sessions[1].Start = s.at.Add(-time.Hour)
	got := regexp.MustCompile(`\d\d:\d\d:\d\d`).ReplaceAllString(s.text(), "hh:mm:ss")
	want := `here  2 sessions  up -  down 19 KiB/s  hh:mm:ss  by rate

     ID  USER    CLIENT           COMMAND  DESTINATION                 UP      DOWN        RATE     AGE  RULE
>    12  alice   192.0.2.1:4000   connect  example.com:443            0 B       0 B    12 KiB/s   1m30s  user *, rule 1
      7  -       192.0.2.1:4000   connect  192.0.2.9:443              0 B       0 B   7.0 KiB/s   1h00m  user *, rule 1






` + help
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Columns go and are cut until the screen is wide enough, and nothing is wider.
func TestNarrow(t *testing.T) {
	s := newScreen(t, session(1, "alice", strings.Repeat("long.", 20)+"example.com"), session(2, "日本語日本語日本語", "example.com"))
	for _, c := range []struct {
		width int
		names string
	}{
		{300, "ID USER CLIENT COMMAND DESTINATION UP DOWN RATE AGE RULE"}, {180, "ID USER DESTINATION UP DOWN RATE AGE"},
		{100, "ID USER DESTINATION UP DOWN RATE AGE"}, {80, "ID USER DESTINATION DOWN RATE"}, {60, "ID DESTINATION DOWN RATE"}, {41, "ID DESTINATION RATE"},
		{20, "ID DESTINATIO…"}, {1, "…"}, {0, ""},
	} {
		s.Update(tea.WindowSizeMsg{Width: c.width, Height: 10})
		lines := strings.Split(s.text(), "\n")
		if got := strings.Join(strings.Fields(lines[2]), " "); got != c.names {
			t.Errorf("in %d: got %q, want %q", c.width, got, c.names)
		}
		for _, line := range lines {
			if human.Width(line) > c.width {
				t.Errorf("in %d: %q is %d wide", c.width, line, human.Width(line))
			}
		}
	}
	for height := range 8 {
		s.Update(tea.WindowSizeMsg{Width: 80, Height: height})
		if got := strings.Count(s.text(), "\n") + 1; got != max(height, 5) {
			t.Errorf("in a height of %d: got %d lines", height, got)
		}
	}
}

// Nothing that a client, or a service that is none of ours, has named reaches the
// terminal as anything but text.
func TestHostileNames(t *testing.T) {
	evil := "\x1b]0;owned\x07\x1b[2J\u009b31m\x9b\r\n\u202e</b>"
	bad := session(1, evil, evil)
	bad.Client, bad.Command, bad.Rule = evil, evil, evil
	udp := session(2, evil, evil)
	udp.Command, udp.Targets, udp.TargetCount = "udp", []history.Target{{Host: evil, Port: 53}}, 7
	s := newScreen(t, bad, udp)
	s.Title = evil
	s.Update(tea.WindowSizeMsg{Width: 2000, Height: 12})
	check := func(what string) {
		t.Helper()
		if at := strings.IndexFunc(s.text(), func(r rune) bool {
			return r != '\n' && (r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\u202e' || r == '\ufffd')
		}); at >= 0 {
			t.Errorf("%s: %q", what, s.text()[at:min(at+20, len(s.text()))])
		}
		if got := strings.Count(s.text(), "\n"); got != 11 {
			t.Errorf("%s: got %d line ends, want 11", what, got)
		}
	}
	check("list")
	if !strings.Contains(s.text(), `\u001b]0;owned\u0007`) {
		t.Errorf("the name is not there: %s", s.text())
	}
	s.press("k")
	check("question")
	s.service.err = errors.New(evil)
	s.press("y")
	check("answer")
	s.note = ""
	check("error")
}

// The selected session stays the selected one wherever it goes, and the screen
// follows it.
func TestSelect(t *testing.T) {
	var all []Session
	for id := range uint64(30) {
		all = append(all, session(id+1, "alice", "example.com"))
	}
	s := newScreen(t, all...)
	for _, c := range []struct{ keys, want string }{
		{"", ">1 2 3 4 5 6 7 8"}, {"down", "1 >2 3 4 5 6 7 8"}, {"up", ">1 2 3 4 5 6 7 8"}, {"up", ">1 2 3 4 5 6 7 8"},
		{"pgdown", "2 3 4 5 6 7 8 >9"}, {"end", "23 24 25 26 27 28 29 >30"}, {"down", "23 24 25 26 27 28 29 >30"},
		{"pgup", ">22 23 24 25 26 27 28 29"}, {"up", ">21 22 23 24 25 26 27 28"}, {"home", ">1 2 3 4 5 6 7 8"},
	} {
		s.press(strings.Fields(c.keys)...)
		if got := s.ids(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.keys, got, c.want)
		}
	}
	s.press("down", "down")
	slices.Reverse(s.service.sessions) // another order
	s.do(s.ask())
	if got := s.ids(); got != "10 9 8 7 6 5 4 >3" {
		t.Errorf("got %s, want 3 where it has gone", got)
	}
	s.service.sessions = s.service.sessions[:25] // 30 to 6
	s.do(s.ask())
	if got := s.ids(); got != "13 12 11 10 9 8 7 >6" {
		t.Errorf("got %s, want its place to be taken", got)
	}
	s.service.sessions = nil
	s.do(s.ask())
	if s.press("down", "up", "k"); s.ids() != "" || s.dying != nil {
		t.Errorf("got %s, dying %v, with no session", s.ids(), s.dying)
	}
}

func TestOrder(t *testing.T) {
	s := newScreen(t, session(1, "alice", "example.com"))
	s.press("right", "r", "left", "left", "s", "r", "r")
	want := []string{"rate", "id", "-id", "rate", "user", "rate", "-rate", "rate"}
	if diff := cmp.Diff(want, s.service.asked); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := s.press("r"); !strings.Contains(got, "by rate, reversed") {
		t.Errorf("got %s", got)
	}
}

func TestFilter(t *testing.T) {
	s := newScreen(t, session(1, "alice", "example.com"), session(2, "bob", "ALICE.example"), session(3, "bob", "example.com"))
	if got := s.press("/", "a", "l", "i", "c", "x", "backspace"); !strings.Contains(got, "filter: alic_") || s.ids() != ">1 2" {
		t.Errorf("got %s in %s", s.ids(), got)
	}
	s.Update(tea.PasteMsg{Content: "E.ex"})
	s.Update(tea.PasteMsg{Content: "\x1b[2J"})
	if got := s.press("enter", "down"); !strings.Contains(got, "filter: alicE.ex  (1 shown") || s.ids() != ">2" {
		t.Errorf("got %s in %s", s.ids(), got)
	}
	if s.press("esc"); s.ids() != "1 >2 3" {
		t.Errorf("got %s, want all", s.ids())
	}
	if s.press("/", "q", "k", "y", "backspace", "backspace", "backspace", "backspace"); s.ids() != "1 >2 3" || len(s.service.killed) != 0 {
		t.Errorf("got %s, killed %d", s.ids(), s.service.killed)
	}
	if s.press("b", "esc"); s.typing || s.filter != "" {
		t.Error("esc leaves the filter")
	}
}

// A session is ended after a yes, and that one, though the screen has changed.
func TestKill(t *testing.T) {
	s := newScreen(t, session(1, "alice", "example.com"), session(2, "bob", "example.org"), session(3, "carol", "example.net"))
	if got := s.press("down", "k"); !strings.Contains(got, "kill session 2 of bob to example.org:443? y/n") {
		t.Errorf("got %s", got)
	}
	for _, no := range []string{"n", "esc", "enter", "k", "q"} {
		if s.press(no); s.dying != nil || len(s.service.killed) != 0 {
			t.Fatalf("%s: killed %v", no, s.service.killed)
		}
		s.press("k")
	}
	s.service.sessions = []Session{s.sessions[2], s.sessions[0], s.sessions[1]}
	s.do(s.ask())
	got := s.press("y")
	if diff := cmp.Diff([]uint64{2}, s.service.killed); diff != "" || !strings.Contains(got, "session 2 killed") || s.ids() != ">3 1" && s.ids() != "3 >1" {
		t.Errorf("%s in %s, -want +got:\n%s", s.ids(), got, diff)
	}
	s.service.err = errors.New("no such session runs")
	if got := s.press("k", "y"); !strings.Contains(got, "no such session runs") {
		t.Errorf("got %s", got)
	}
}

// While the service does not answer the last list stays, with the reason.
func TestServiceGone(t *testing.T) {
	s := newScreen(t, session(1, "alice", "example.com"))
	s.service.err = errors.New("connection refused")
	s.do(s.ask())
	if got := s.text(); !strings.Contains(got, "connection refused") || s.ids() != ">1" {
		t.Errorf("got %s", got)
	}
	s.service.err = nil
	s.do(s.ask())
	if got := s.text(); strings.Contains(got, "connection refused") {
		t.Errorf("got %s", got)
	}
}

// Only one list is on its way; what changed meanwhile is asked for after it.
func TestOneAtATime(t *testing.T) {
	s := newScreen(t)
	slow := s.ask()
	if s.ask() != nil || s.press("r") == "" || len(s.service.asked) != 1 {
		t.Errorf("asked %v", s.service.asked)
	}
	s.do(slow)
	if diff := cmp.Diff([]string{"rate", "rate", "-rate"}, s.service.asked); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPause(t *testing.T) {
	s := newScreen(t)
	if got := s.press("p"); !strings.Contains(got, "paused") {
		t.Errorf("got %s", got)
	}
	if s.Update(tickMsg{}); s.asking {
		t.Error("it asks while paused")
	}
	if s.press("p"); s.paused {
		t.Error("it is still paused")
	}
	if s.Update(tickMsg{}); !s.asking {
		t.Error("it does not ask")
	}
}

func TestQuit(t *testing.T) {
	for _, key := range []tea.KeyPressMsg{{Text: "q", Code: 'q'}, {Code: 'c', Mod: tea.ModCtrl}} {
		s := newScreen(t, session(1, "alice", "example.com"))
		_, cmd := s.Update(key)
		if cmd == nil || fmt.Sprintf("%T", cmd()) != "tea.QuitMsg" {
			t.Errorf("%s does not end it", key)
		}
	}
	s := newScreen(t, session(1, "alice", "example.com"))
	s.press("/", "k")
	if _, cmd := s.Update(tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}); cmd == nil {
		t.Error("ctrl+c does not end it while a filter is written")
	}
}

func BenchmarkView10000(b *testing.B) {
	f := new(fake)
	for id := range uint64(10000) {
		f.sessions = append(f.sessions, session(id, "alice", "example.com"))
	}
	m := newModel(b.Context(), Options{Source: f, Orders: []string{"id"}, Order: "id"})
	m.Update(m.ask()())
	b.ReportAllocs()
	for b.Loop() {
		m.Update(tea.KeyPressMsg{Code: tea.KeyDown})
		m.View()
	}
}
