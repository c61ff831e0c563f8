package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/kballard/go-shellquote"

	"github.com/socksctl/socksctl/server"
)

// commandTime is how long a program has for one login, if the handshake leaves it
// as much.
const commandTime = 10 * time.Second

// Command logs in by name and password (RFC 1929) as a program says: PAM, LDAP or
// whatever it asks. The program is started for each login and gets the name and
// the password as two lines on its stdin. Exit status 0 admits, and stdout then
// has the groups of the user, one a line; 1 says that the login is wrong; anything
// else is a fault, which refuses the login too. Its methods may be called from
// many goroutines.
type Command struct {
	words []string // the program, by its path, and its arguments
	log   *slog.Logger
	slots chan struct{} // so many programs at a time
	time  time.Duration
	cache atomic.Pointer[cache]
}

var _ server.Authenticator = (*Command)(nil)

// NewCommand returns the way to log in by the program that line names. It is split
// into words as a shell does it, with quotes and backslashes; nothing is expanded,
// and no shell is started. A program that is not there or cannot be executed is an
// error. A nil log is silent.
func NewCommand(line string, log *slog.Logger) (*Command, error) {
	words, err := shellquote.Split(line)
	if err != nil {
		return nil, fmt.Errorf("split into words: %w", err)
	}
	if len(words) == 0 {
		return nil, errors.New("no program")
	}
	path, err := exec.LookPath(words[0])
	if err != nil {
		return nil, err
	}
	if words[0], err = filepath.Abs(path); err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	// A program mostly waits for somebody else, and so there may be more of them
	// than processors.
	c := &Command{words: words, log: log, slots: make(chan struct{}, 2*runtime.GOMAXPROCS(0)+2), time: commandTime}
	c.cache.Store(newCache())
	return c, nil
}

// Program returns the path of the program.
func (c *Command) Program() string { return c.words[0] }

// Reload forgets remembered logins. It is an error when the program is no longer
// there.
func (c *Command) Reload() error {
	c.cache.Store(newCache())
	_, err := exec.LookPath(c.words[0])
	return err
}

// Method returns 0x02: this way is open to every session.
func (c *Command) Method(*server.Session) byte { return methodPassword }

// Authenticate returns who logs in, and the groups. A right login is remembered for
// a minute, and takes no program then.
func (c *Command) Authenticate(ctx context.Context, s *server.Session, login server.Login) (server.Identity, error) {
	if strings.ContainsAny(login.Name+login.Password, "\r\n\x00") {
		return server.Identity{}, refused(server.LoginWrong, login.Name, errors.New("a line break or NUL in the name or the password"))
	}
	cache := c.cache.Load() // a reload meanwhile shall not remember what was right before
	tag := cache.tag(login.Name, login.Password)
	groups, ok := cache.get(tag)
	if !ok {
		var err error
		if groups, err = c.ask(ctx, s, login); err != nil {
			return server.Identity{}, err
		}
		cache.add(tag, groups)
	}
	return server.Identity{User: login.Name, Groups: groups, Method: byPassword}, nil
}

// ask starts the program when there is a slot for it.
func (c *Command) ask(ctx context.Context, s *server.Session, login server.Login) ([]string, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, refused(server.LoginTimeout, login.Name, ctx.Err())
	}
	v := c.run(ctx, s, login)
	c.tell(ctx, s, login, v)
	if v.reason != "" {
		return nil, refused(v.reason, login.Name, v.err)
	}
	return v.groups, nil
}

// tell logs what is wrong with the program, and what it said.
func (c *Command) tell(ctx context.Context, s *server.Session, login server.Login, v verdict) {
	log := c.log.With("user", printable(login.Name), "client", fmt.Sprint(s.Client))
	level := slog.LevelDebug
	if v.reason == server.LoginFault || errors.Is(v.err, context.DeadlineExceeded) { // not for a session that was ended
		level = slog.LevelWarn
		log.Error("auth command failed", "err", v.err)
	}
	if said := v.said(login.Password); said != "" {
		log.Log(ctx, level, "stderr of the auth command", "stderr", said)
	}
}
