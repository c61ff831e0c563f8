package auth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/socksctl/socksctl/server"
)

// wrongStatus is the exit status that says that the login is wrong. All others but
// 0 are what shells and runtimes end with when something is broken.
const wrongStatus = 1

// pipeTime is how long what holds the pipes of a program may outlive it, and how
// long a program has to die.
const pipeTime = time.Second

// verdict is what came of one run of the program.
type verdict struct {
	groups []string
	reason server.LoginReason // empty: the login is right
	err    error
	stderr *capped
}

// run runs the program for one login. When it returns, the program and what it
// started have ended.
func (c *Command) run(ctx context.Context, s *server.Session, login server.Login) verdict {
	ctx, cancel := context.WithTimeout(ctx, c.time)
	defer cancel()
	stdout, stderr := &capped{most: maxOutput, over: cancel}, &capped{most: maxStderr}
	cmd := exec.CommandContext(ctx, c.words[0], c.words[1:]...)
	cmd.Env = environment(s)
	cmd.Stdin = strings.NewReader(login.Name + "\n" + login.Password + "\n")
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = pipeTime
	v := verdict{stderr: stderr}
	v.groups, v.reason, v.err = judge(ctx, runTree(cmd), stdout)
	return v
}

// judge tells what err, of the run of a program under ctx, and its output mean.
func judge(ctx context.Context, err error, stdout *capped) ([]string, server.LoginReason, error) {
	var exit *exec.ExitError
	switch {
	case stdout.full:
		return nil, server.LoginFault, fmt.Errorf("auth command: more than %d bytes on stdout", maxOutput)
	case err == nil:
		groups, err := parseGroups(stdout.kept)
		if err != nil {
			return nil, server.LoginFault, fmt.Errorf("auth command: %w", err)
		}
		return groups, "", nil
	case ctx.Err() != nil: // before the status, which Windows makes 1 for who was killed
		return nil, server.LoginTimeout, fmt.Errorf("auth command: no verdict: %w", ctx.Err())
	case errors.As(err, &exit) && exit.ExitCode() == wrongStatus:
		return nil, server.LoginWrong, nil
	}
	return nil, server.LoginFault, fmt.Errorf("auth command: %w", err)
}

// environment returns what the program finds in its environment: of ours what
// programs need to run, and nothing that may be a secret, as SOCKSCTL_PROXY is.
func environment(s *server.Session) []string {
	var env []string
	for _, name := range []string{
		"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR",
		"SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERPROFILE", // of Windows
	} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return append(env, "SOCKSCTL_CLIENT="+hostOf(s.Client), "SOCKSCTL_LISTENER="+s.Listener)
}

// hostOf returns an address without its port, and nothing for one that has none.
func hostOf(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return ""
	}
	return tcp.AddrPort().Addr().Unmap().String()
}
