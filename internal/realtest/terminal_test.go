//go:build linux

package realtest_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// terminal is a tmux with one window, in which a command runs.
type terminal struct {
	tmux   string
	socket string
	client io.Writer   // commands for tmux
	said   *transcript // changes whenever the screen does
}

// newTerminal runs a shell command in a terminal of that size until the test ends.
// Its exit status is on the screen after it.
func newTerminal(t *testing.T, width, height int, shell string) *terminal {
	t.Helper()
	dir, err := os.MkdirTemp("", "tmux")
	if err != nil {
		t.Fatal(err)
	}
	x := &terminal{tmux: program(t, "tmux", "tmux"), socket: filepath.Join(dir, "s"), said: newTranscript()}
	conf := filepath.Join(dir, "conf")
	if err := os.WriteFile(conf, []byte("set -g destroy-unattached on\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// The client in control mode sees each change, and takes the session with it
	// when it ends, as this test does.
	cmd := x.command("-f", conf, "-C", "new-session", shell+`; echo "status $?"; exec cat`)
	cmd.Stdout, cmd.Stderr = x.said, x.said
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	x.client = stdin
	t.Cleanup(func() {
		x.tell(t, "kill-server")
		stdin.Close()
		_ = cmd.Wait() // it has no status of its own
	})
	x.resize(t, width, height)
	return x
}

func (x *terminal) command(args ...string) *exec.Cmd {
	cmd := command(x.tmux, append([]string{"-u", "-S", x.socket}, args...)...)
	cmd.Env = append(cmd.Env, "LC_ALL=C.UTF-8", "TERM=xterm-256color", "SHELL=/bin/sh")
	return cmd
}

// tell gives tmux a command.
func (x *terminal) tell(t *testing.T, line string) {
	t.Helper()
	if _, err := fmt.Fprintln(x.client, line); err != nil {
		t.Fatal(err)
	}
}

func (x *terminal) resize(t *testing.T, width, height int) {
	t.Helper()
	x.tell(t, fmt.Sprintf("refresh-client -C %d,%d", width, height))
}

// press presses keys, by the names that tmux has for them.
func (x *terminal) press(t *testing.T, keys ...string) {
	t.Helper()
	x.tell(t, "send-keys "+strings.Join(keys, " "))
}

// await waits until the screen is as it should be, and returns it.
func (x *terminal) await(t *testing.T, what string, is func(screen string) bool) string {
	t.Helper()
	limit := time.After(startLimit)
	for {
		changed, _ := x.said.snapshot()
		out, err := x.command("capture-pane", "-p").Output()
		screen := string(out)
		if err == nil && is(screen) { // at first there is no tmux to be asked
			return screen
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("the screen does not have %s: %v\n%s", what, err, screen)
		}
	}
}

// shows waits until all of that is on the screen.
func (x *terminal) shows(t *testing.T, texts ...string) string {
	t.Helper()
	return x.await(t, strings.Join(texts, ", "), func(screen string) bool {
		for _, text := range texts {
			if !strings.Contains(screen, text) {
				return false
			}
		}
		return true
	})
}

// coloured tells whether anything on the screen has a colour.
func (x *terminal) coloured(t *testing.T) bool {
	t.Helper()
	colour := regexp.MustCompile(`\x1b\[([0-9;]*;)?[349][0-7][;m]`)
	return colour.MatchString(mustRun(t, x.command("capture-pane", "-p", "-e")))
}

// hides waits until that is not on the screen any more.
func (x *terminal) hides(t *testing.T, text string) {
	t.Helper()
	x.await(t, "no "+text, func(screen string) bool { return !strings.Contains(screen, text) })
}
