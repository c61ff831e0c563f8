//go:build unix

package auth

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Time that runs out is no verdict, whatever the program does with its pipes, and
// it is logged; but not for a session that has ended.
func TestCommandTime(t *testing.T) {
	for name, script := range map[string]string{
		"waits":          `sleep 1000`,
		"closes stdout":  `exec >&- 2>&-; sleep 1000`,
		"ignores others": `trap '' TERM INT HUP; while :; do sleep 1000; done`,
	} {
		t.Run(name, func(t *testing.T) {
			c, log := shell(t, script)
			c.time = 100 * time.Millisecond
			if got := outcome(t.Context(), t, c, "secret"); got != "<timeout>" {
				t.Errorf("got %q, want a timeout", got)
			}
			if !strings.Contains(log.String(), "level=ERROR") {
				t.Errorf("no error in the log: %s", log)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			ended, log := shell(t, script)
			if got := outcome(ctx, t, ended, "secret"); got != "<timeout>" || log.String() != "" {
				t.Errorf("got %q, and %q in the log, want a timeout and nothing", got, log)
			}
		})
	}
}

// held makes a FIFO, and tells when a process has opened it to write and when no
// process has it open any more.
func held(t *testing.T) (path string, opened, closed <-chan struct{}) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "held")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	o, c := make(chan struct{}), make(chan struct{})
	go func() { // ends when the processes have, or with the test binary
		defer close(c)
		f, err := os.Open(path)
		close(o)
		if err == nil {
			_, _ = io.Copy(io.Discard, f)
			f.Close()
		}
	}()
	return path, o, c
}

func await(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatal(what)
	}
}

// When Authenticate returns, no process is left, of whatever generation.
func TestCommandLeavesNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		script string
		cancel bool // the context, once $1 is open
		want   string
	}{
		"program":                 {`exec 9>"$1"; sleep 1000`, true, "<timeout>"},
		"grandchild":              {`sh -c 'exec 9>"$1"; sleep 1000; :' - "$1"; :`, true, "<timeout>"},
		"left behind":             {`exec 9>"$1"; sleep 1000 >&- 2>&- & echo staff`, false, "staff"},
		"left behind, with pipes": {`exec 9>"$1"; sleep 1000 &`, false, "<fault>"},
		"left behind, refused":    {`exec 9>"$1"; sleep 1000 >&- 2>&- & exit 1`, false, "<wrong>"},
		"output without end":      {`exec 9>"$1"; yes staff & wait`, false, "<fault>"},
	} {
		t.Run(name, func(t *testing.T) {
			path, opened, closed := held(t)
			c, log := shell(t, tc.script, path)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if tc.cancel {
				go func() { <-opened; cancel() }() // ends with the process
			}
			if got := outcome(ctx, t, c, "secret"); got != tc.want {
				t.Errorf("got %q, want %q: %s", got, tc.want, log)
			}
			await(t, "a process is left", closed)
		})
	}
}

// A login that was being verified when a reload came is not remembered.
func TestCommandReloadMeanwhile(t *testing.T) {
	path, opened, _ := held(t)
	dir := t.TempDir()
	gate, changed := filepath.Join(dir, "gate"), filepath.Join(dir, "changed")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	c, _ := shell(t, `[ -e "$3" ] && exit 1; exec 9>"$1"; read -r go <"$2"; :`, path, gate, changed)
	done := make(chan string, 1)
	go func() { done <- outcome(t.Context(), t, c, "secret") }()
	await(t, "the program did not start", opened)
	if err := errors.Join(os.WriteFile(changed, nil, 0o600), c.Reload()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(gate, []byte("go\n"), 0); err != nil { // waits for the program to read
		t.Fatal(err)
	}
	if got := <-done; got != "" {
		t.Errorf("got %q, want that alice is let in", got)
	}
	if got := outcome(t.Context(), t, c, "secret"); got != "<wrong>" {
		t.Errorf("got %q, want that the program was asked again", got)
	}
}

// No more programs run than there are slots, and who waits does so no longer than
// the context allows.
func TestCommandSlots(t *testing.T) {
	path, opened, closed := held(t)
	c, log := shell(t, `echo x >>"$2"; exec 9>"$1"; sleep 1000`, path, filepath.Join(t.TempDir(), "starts"))
	if got, least := cap(c.slots), 4; got < least {
		t.Errorf("got %d slots, want at least %d", got, least)
	}
	c.slots = make(chan struct{}, 1)
	first, stopFirst := context.WithCancel(t.Context())
	done := make(chan string, 1)
	go func() { done <- outcome(first, t, c, "secret") }()
	await(t, "the program did not start", opened)
	second, stopSecond := context.WithCancel(t.Context())
	stopSecond()
	if got := outcome(second, t, c, "secret"); got != "<timeout>" || log.String() != "" {
		t.Errorf("got %q, and %q in the log, want a timeout and nothing", got, log)
	}
	stopFirst()
	if got := <-done; got != "<timeout>" {
		t.Errorf("got %q, want a timeout", got)
	}
	await(t, "a process is left", closed)
	if data, err := os.ReadFile(c.words[len(c.words)-1]); string(data) != "x\n" {
		t.Errorf("got %q, %v, want that one program was started", data, err)
	}
}
