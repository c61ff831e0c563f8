package main

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/internal/files"

	"github.com/socksctl/socksctl/certs"
)

// leakChecked is a test run that fails also for goroutines left behind.
type leakChecked struct{ *testing.M }

func (m leakChecked) Run() int {
	code := m.M.Run()
	if code != 0 {
		return code
	}
	if err := goleak.Find(); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		return 1
	}
	return 0
}

func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){"socksctl": main, "signalled": signalled})
}

// TestScripts runs testdata/script. Beside testscript's own commands a script
// has those of scriptCommands.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Cmds:                scriptCommands(),
		Setup:               func(env *testscript.Env) error { return setUpScript(env) },
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// scriptCommand is a command of the scripts.
type scriptCommand = func(ts *testscript.TestScript, neg bool, args []string)

func scriptCommands() map[string]scriptCommand {
	return map[string]scriptCommand{
		"exits":  scriptExits,  // exits STATUS PROGRAM ARG...: runs it to its end
		"pki":    scriptPKI,    // pki: ca, server (localhost, 127.0.0.1), alice
		"start":  scriptStart,  // start NAME ARG...: runs socksctl beside the script
		"await":  scriptAwait,  // await NAME REGEXP [VAR]: until it said so; VAR is the first group; with !: that it has not
		"input":  scriptInput,  // input NAME [TEXT]: a line for its stdin; without TEXT the end of it
		"signal": scriptSignal, // signal NAME HUP|TERM|INT
		"ends":   scriptEnds,   // ends NAME STATUS: until it has ended
		"put":    scriptPut,    // put FROM TO: copies a file in one step, as what watches it has to see it
		"dial":   scriptDial,   // dial ADDR TEXT: sends a line, half-closes, prints what comes back
	}
}

// setUpScript starts what scripts send to: $ECHO (127.0.0.1:$ECHOPORT) and
// $UDPECHO send back, nobody listens on $CLOSED, and $BUSY is taken.
func setUpScript(env *testscript.Env) error {
	o, err := newOrigins()
	if err != nil {
		return err
	}
	env.Defer(o.close)
	env.Values[processesKey{}] = make(map[string]*process)
	env.Setenv("GORACE", "atexit_sleep_ms=0") // else each socksctl takes a second to end
	env.Setenv("XDG_CONFIG_HOME", env.WorkDir)
	env.Setenv("SOCKSCTL_HISTORY_URL", "off")  // likewise
	env.Setenv("SOCKSCTL_SERVER_ADMIN", "off") // unless a script says where: as root the default is one for all of the host
	env.Setenv("SOCKSCTL_FORWARD_ADMIN", "off")
	env.Setenv("ECHO", o.tcp.Addr().String())
	env.Setenv("ECHOPORT", strconv.Itoa(o.tcp.Addr().(*net.TCPAddr).Port))
	env.Setenv("UDPECHO", o.udp.LocalAddr().String())
	env.Setenv("CLOSED", o.closed)
	env.Setenv("BUSY", o.tcp.Addr().String())
	return nil
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if neg || err != nil || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM ARG...")
	}
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	ts.Logf("[stdout]\n%s[stderr]\n%s", ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	if got != want {
		ts.Fatalf("got exit status %d, want %d", got, want)
	}
}

func scriptPKI(ts *testscript.TestScript, _ bool, _ []string) {
	dir := ts.MkAbs(".")
	ca, err := certs.NewCA("script", certs.Options{})
	ts.Check(err)
	ts.Check(ca.Write(dir, false))
	pair, err := ca.Server([]string{"localhost", "127.0.0.1"}, certs.Options{})
	ts.Check(err)
	ts.Check(pair.Write(dir, "server", false))
	pair, err = ca.Client("alice", certs.Options{})
	ts.Check(err)
	ts.Check(pair.Write(dir, "alice", false))
}

func scriptPut(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(files.Replace(ts.MkAbs(args[1]), []byte(ts.ReadFile(args[0])), 0o600))
}
