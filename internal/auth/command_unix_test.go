//go:build unix

package auth

import (
	"bytes"

	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/server"
)

// patience bounds what should come at once.
const patience = 30 * time.Second

// journal is a log that keeps all of it, and may be read meanwhile.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// shell returns a Command that runs script, with args, and its log.
func shell(t *testing.T, script string, args ...string) (*Command, *journal) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "verify it")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	words := []string{"sh", `"` + file + `"`}
	for _, arg := range args {
		words = append(words, "'"+arg+"'")
	}
	log := new(journal)
	c, err := NewCommand(strings.Join(words, " "), slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	return c, log
}

var visitor = &server.Session{Client: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 4321}, Listener: "198.51.100.1:1443"}

// outcome logs in as alice and returns the groups, or the reason of the refusal
// in angle brackets.
func outcome(ctx context.Context, t *testing.T, c *Command, password string) string {
	t.Helper()
	id, err := c.Authenticate(ctx, visitor, server.Login{Name: "alice", Password: password})
	if err == nil {
		if want := (server.Identity{User: "alice", Groups: id.Groups, Method: "password"}); !cmp.Equal(id, want) {
			t.Errorf("got %v, want %v", id, want)
		}
		return strings.Join(id.Groups, ",")
	}
	refused, ok := errors.AsType[*server.LoginError](err)
	if !ok || refused.Method != "password" || id.User != "" {
		t.Fatalf("got %v, %v, want a LoginError", id, err)
	}
	if strings.Contains(err.Error(), password) {
		t.Errorf("the password is in %q", err)
	}
	return "<" + string(refused.Reason) + ">"
}

func TestCommandVerdicts(t *testing.T) {
	const (
		compare = `read -r name; read -r password; [ "$name $password" = "alice correct horse" ] || exit 1`
		line255 = `printf '%0255d\n' 0`
	)
	for name, tc := range map[string]struct{ script, want string }{
		"right":                 {compare, ""},
		"groups":                {compare + `; printf 'staff\n\n  on call \r\nBüro'`, "staff,on call,Büro"},
		"wrong":                 {`exit 1`, "<wrong>"},
		"wrong, with output":    {`echo staff; exit 1`, "<wrong>"},
		"stdin is not read":     {`exec <&-; echo staff`, "staff"},
		"another status":        {`exit 2`, "<fault>"},
		"no such program":       {`no-such-program`, "<fault>"},
		"killed":                {`kill -KILL $$`, "<fault>"},
		"longest group":         {line255, strings.Repeat("0", 255)},
		"group too long":        {`printf '%0256d\n' 0`, "<fault>"},
		"group that obeys":      {`printf 'a\033[1mb\n'`, "<fault>"},
		"group that is no text": {`printf '\377\n'`, "<fault>"},
		"256 groups":            {`i=0; while [ $i -lt 256 ]; do echo g; i=$((i+1)); done`, strings.Repeat("g,", 255) + "g"},
		"257 groups":            {`i=0; while [ $i -lt 257 ]; do echo g; i=$((i+1)); done`, "<fault>"},
		"64 KiB":                {`printf '%65536s' ''`, ""},
		"more than 64 KiB":      {`printf '%65537s' ''`, "<fault>"},
		"output without end":    {`while :; do printf '%65536s' ''; done`, "<fault>"},
		"stderr without end":    {`head -c 10000000 /dev/zero >&2; echo staff`, "staff"},
	} {
		t.Run(name, func(t *testing.T) {
			c, log := shell(t, tc.script)
			if got := outcome(t.Context(), t, c, "correct horse"); got != tc.want {
				t.Errorf("got %q, want %q: %s", got, tc.want, log)
			}
			if got, want := strings.Contains(log.String(), "level=ERROR"), tc.want == "<fault>"; got != want {
				t.Errorf("an error is logged: %v, want %v: %s", got, want, log)
			}
			if got := outcome(t.Context(), t, c, "battery staple"); name == "right" && got != "<wrong>" {
				t.Errorf("another password: got %q, want that it is wrong", got)
			}
		})
	}
}

// The password is on stdin and nowhere else; of our environment a program gets
// what it needs to run.
func TestCommandSeesNoSecrets(t *testing.T) {
	t.Setenv("SOCKSCTL_PROXY", "socks5://eve:other-secret@192.0.2.1")
	seen := filepath.Join(t.TempDir(), "seen")
	c, _ := shell(t, `{ env; cat /proc/$$/cmdline; echo "$@"; } >"$1"`, seen, "a b")
	if got := outcome(t.Context(), t, c, "hunter2"); got != "" {
		t.Fatalf("got %q", got)
	}
	data, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\nSOCKSCTL_CLIENT=192.0.2.7\n", "\nSOCKSCTL_LISTENER=198.51.100.1:1443\n", "\nPATH=" + os.Getenv("PATH") + "\n", "a b"} {
		if !strings.Contains("\n"+string(data), want) {
			t.Errorf("got %q, want %q in it", data, want)
		}
	}
	for _, secret := range []string{"hunter2", "other-secret"} {
		if bytes.Contains(data, []byte(secret)) {
			t.Errorf("%q is in %q", secret, data)
		}
	}
	if got := hostOf(&net.UnixAddr{Name: "/run/socket"}); got != "" {
		t.Errorf("a unix socket: got %q, want nothing", got)
	}
}

// stderr goes to the log, at a level that tells whether it matters, and the
// password of a script that traces itself does not.
func TestCommandStderr(t *testing.T) {
	for status, level := range map[int]string{0: "DEBUG", 1: "DEBUG", 3: "WARN"} {
		c, log := shell(t, fmt.Sprintf("printf 'one\\ntwo\\033[1m\\n' >&2; set -x; read -r name; read -r password; : \"$password\"; exit %d", status))
		outcome(t.Context(), t, c, "hunter2 ")
		got := log.String()
		if !strings.Contains(got, "level="+level+" ") || !strings.Contains(got, `one\ntwo`) || strings.Count(got, "one") != 1 {
			t.Errorf("status %d: got %q, want one line at %s", status, got, level)
		}
		if strings.Contains(got, "hunter2") || strings.ContainsRune(got, '\033') || strings.Contains(got, `\x1b`) {
			t.Errorf("status %d: the log has the password, or what a terminal obeys: %q", status, got)
		}
	}
}

// What a line of stdin cannot hold is wrong, and starts nothing.
func TestCommandRefusesLineBreaks(t *testing.T) {
	c, _ := shell(t, `touch "$1"`, filepath.Join(t.TempDir(), "started"))
	c.slots = nil // to start a program would block
	for _, bad := range []string{"\n", "\r", "\x00", "secret\nalice", "a\x00b"} {
		for _, login := range []server.Login{{Name: bad, Password: "secret"}, {Name: "alice", Password: bad}} {
			_, err := c.Authenticate(t.Context(), visitor, login)
			if refused, ok := errors.AsType[*server.LoginError](err); !ok || refused.Reason != server.LoginWrong {
				t.Errorf("%q: got %v, want that it is wrong", login, err)
			}
		}
	}
}

// counting returns a Command that lets in with the password "secret" and in group
// staff, and how often its program was started.
func counting(t *testing.T) (*Command, func() int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "starts")
	c, _ := shell(t, `echo x >>"$1"; read -r name; read -r password; [ "$password" = secret ] || exit 1; echo staff`, file)
	return c, func() int {
		data, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return bytes.Count(data, []byte("x"))
	}
}

func TestCommandRemembers(t *testing.T) {
	c, starts := counting(t)
	try := func(password, want string, wantStarts int) {
		t.Helper()
		if got := outcome(t.Context(), t, c, password); got != want || starts() != wantStarts {
			t.Errorf("%q: got %q after %d programs, want %q after %d", password, got, starts(), want, wantStarts)
		}
	}
	try("secret", "staff", 1)
	try("secret", "staff", 1)
	try("other", "<wrong>", 2)
	try("other", "<wrong>", 3)
	if err := c.Reload(); err != nil {
		t.Fatal(err)
	}
	try("secret", "staff", 4)
	for range cap(c.slots) { // programs that hang: who is remembered does not wait for them
		c.slots <- struct{}{}
	}
	try("secret", "staff", 4)
	c.words[0] = filepath.Join(t.TempDir(), "gone")
	if err := c.Reload(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that the program is gone", err)
	}
}

func TestNewCommandRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"":                    "no program",
		" \t":                 "no program",
		`sh 'secret`:          "split into words: ",
		"no-such-program -x":  `"no-such-program"`,
		dir + "/missing":      dir + "/missing",
		text:                  "permission denied",
		dir:                   dir,
		`"` + dir + `/a b" c`: dir + "/a b",
	} {
		if _, err := NewCommand(line, nil); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v, want an error with %q", line, err, want)
		}
	}
	c, err := NewCommand(`sh -c 'a "b"  $c' d\ e "" #`, nil)
	if err != nil {
		t.Fatal(err)
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{sh, "-c", `a "b"  $c`, "d e", "", "#"}, c.words); diff != "" {
		t.Error(diff)
	}
	if c.Method(visitor) != 2 {
		t.Error("method is not 02")
	}
}
