//go:build linux

package realtest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/socksctl/socksctl/client"
)

// watched is a server that lets everyone in by any name, and can be asked about it.
type watched struct {
	*process
	proxy, admin string
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	dir, err := os.MkdirTemp("", "w") // t.TempDir is too long for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{admin: "unix:" + filepath.Join(dir, "a")}
	w.process = start(t, "serve", "--listen", "127.0.0.1:0", "--auth-command", program(t, "true", "coreutils"), "--admin", w.admin, "--drain-timeout", "1ms")
	w.proxy = w.await(t, listening, 1)[0][1]
	w.await(t, regexpOf("msg=admin address="), 1)
	return w
}

// as returns the way of a user.
func (w *watched) as(user string) *client.Dialer {
	return &client.Dialer{Address: w.proxy, User: user, Password: "any"}
}

// rowsOf returns the users on a screen of top's, in their order.
func rowsOf(screen string) string {
	var users []string
	for _, row := range regexp.MustCompile(`(?m)^[> ] +\d+  (\S+)`).FindAllStringSubmatch(screen, -1) {
		users = append(users, row[1])
	}
	return strings.Join(users, " ")
}

// The whole of top in a real terminal: what it shows, in which order and size, and
// how it ends sessions.
func TestTopInATerminal(t *testing.T) {
	to := newEchoes(t)
	w := newWatched(t)
	bob := tunnel(t, w.as("bob"), to)
	all := []live{bob, tunnel(t, w.as("alice"), to), association(t, w.as("carol"), to), tunnel(t, w.as("eve\x1b[2J\x1b]0;owned\x07"), to)}
	t.Cleanup(func() {
		for _, s := range all {
			s.close()
		}
	})
	x := newTerminal(t, 140, 20, socksctl(t)+" top --interval 100ms --sort user --admin "+w.admin)

	screen := x.shows(t, w.admin+"  4 sessions", "by user", "CLIENT", "alice", "carol", to.udp, `eve\u001b[2J\u001b]0;owned\u0007`, "q quit")
	if got := rowsOf(screen); got != `alice bob carol eve\u001b[2J\u001b]0;owned\u0007` {
		t.Errorf("got the rows %s in\n%s", got, screen)
	}
	x.press(t, "r")
	if screen := x.shows(t, "by user, reversed"); !strings.HasPrefix(rowsOf(screen), "eve") {
		x.await(t, "eve first", func(screen string) bool { return strings.HasPrefix(rowsOf(screen), "eve") })
	}
	x.resize(t, 60, 10)
	x.hides(t, "CLIENT")
	x.shows(t, "4 sessions", "DESTINATION", "q quit")
	x.resize(t, 140, 20)
	x.shows(t, "CLIENT")
	x.press(t, "Left", "Left")
	x.shows(t, "by id")
	x.press(t, "/", "B", "o", "b", "Enter")
	x.await(t, "bob alone", func(screen string) bool { return rowsOf(screen) == "bob" })

	x.press(t, "k")
	x.shows(t, "kill session 1 of bob to "+to.tcp+"? y/n")
	if !x.coloured(t) {
		t.Error("the question has no colour")
	}
	x.press(t, "n")
	x.hides(t, "y/n")
	if err := bob.alive(); err != nil {
		t.Errorf("after a no: %v", err)
	}
	x.press(t, "k")
	x.shows(t, "y/n")
	x.press(t, "y")
	x.shows(t, "session 1 killed", "3 sessions")
	if err := bob.ended(); err != nil {
		t.Error(err)
	}
	w.await(t, regexpOf(`msg=session id=1 .*user=bob .*err="killed by the administrator \(uid \d+\)"`), 1)
	x.press(t, "Escape")
	x.await(t, "the others", func(screen string) bool { return strings.HasPrefix(rowsOf(screen), "alice carol eve") })
	x.press(t, "q")
	if screen := x.shows(t, "status 0"); strings.Contains(screen, "sessions") {
		t.Errorf("it leaves the screen as\n%s", screen)
	}
}

// When the service ends top says so, and goes on when it is back.
func TestTopOutlivesTheService(t *testing.T) {
	w := newWatched(t)
	x := newTerminal(t, 140, 10, "NO_COLOR=1 "+socksctl(t)+" top --interval 100ms --admin "+w.admin)
	x.shows(t, "0 sessions")
	w.stop(t)
	x.shows(t, "connect: no such file or directory")
	if x.coloured(t) {
		t.Error("it has a colour in spite of NO_COLOR")
	}
	again := start(t, "serve", "--listen", "127.0.0.1:0", "--admin", w.admin)
	again.await(t, listening, 1)
	x.hides(t, "no such file")
	x.press(t, "C-c")
	x.shows(t, "status 0")
}
