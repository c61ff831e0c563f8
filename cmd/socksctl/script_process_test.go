package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptLimit is how long a script waits for anything.
const scriptLimit = 30 * time.Second

// process is a socksctl that runs beside a script.
type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	said   transcript
	exited chan struct{} // closed when it has ended
}

// processesKey is where the processes of a script are, by name.
type processesKey struct{}

// signalled is socksctl serve to which signals come: one to stop once it has said
// something, the others when it has done all but exit.
func signalled() {
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		panic(err)
	}
	status := run(os.Args[1:], os.Stdin, os.Stdout, writer(func(p []byte) (int, error) {
		if err := self.Signal(syscall.SIGTERM); err != nil {
			return 0, err
		}
		return os.Stderr.Write(p)
	}))
	last := make(chan os.Signal, 1)
	signal.Notify(last, syscall.SIGTERM)
	for _, late := range []os.Signal{syscall.SIGHUP, os.Interrupt, syscall.SIGTERM} {
		if err := self.Signal(late); err != nil {
			panic(err)
		}
	}
	<-last // which comes after the others, as its number is higher
	os.Exit(status)
}

// writer is a function as an io.Writer.
type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func processOf(ts *testscript.TestScript, name string) *process {
	p := ts.Value(processesKey{}).(map[string]*process)[name]
	if p == nil {
		ts.Fatalf("no process %q", name)
	}
	return p
}

func scriptStart(ts *testscript.TestScript, _ bool, args []string) {
	program, err := exec.LookPath("socksctl")
	ts.Check(err)
	p := &process{cmd: exec.Command(program, args[1:]...), exited: make(chan struct{})}
	p.said.changed = make(chan struct{})
	p.cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "GOCOVERDIR", "GORACE", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "RUNTIME_DIRECTORY", "STATE_DIRECTORY", "CONFIGURATION_DIRECTORY", "SOCKSCTL_PROXY", "SOCKSCTL_SERVER_ADMIN", "SOCKSCTL_FORWARD_ADMIN", "SOCKSCTL_HISTORY_URL"} {
		p.cmd.Env = append(p.cmd.Env, name+"="+ts.Getenv(name))
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	p.stdin, err = p.cmd.StdinPipe()
	ts.Check(err)
	ts.Check(p.cmd.Start())
	go func() { // ends with the process
		_ = p.cmd.Wait() // the status is asked for by ends
		close(p.exited)
	}()
	ts.Value(processesKey{}).(map[string]*process)[args[0]] = p
	ts.Defer(func() {
		_ = p.cmd.Process.Kill() // it may have ended
		<-p.exited
		_, text := p.said.snapshot()
		ts.Logf("[%s]\n%s", args[0], text)
	})
}

func scriptAwait(ts *testscript.TestScript, neg bool, args []string) {
	p := processOf(ts, args[0])
	pattern := regexp.MustCompile("(?m)" + args[1])
	if neg {
		if _, text := p.said.snapshot(); pattern.MatchString(text) {
			ts.Fatalf("%s said %q: %s", args[0], pattern, text)
		}
		return
	}
	limit := time.After(scriptLimit)
	for ended := false; ; {
		changed, text := p.said.snapshot()
		if found := pattern.FindStringSubmatch(text); found != nil {
			if len(args) > 2 {
				ts.Setenv(args[2], found[1])
			}
			return
		}
		if ended {
			ts.Fatalf("%s ended before it said %q: %s", args[0], pattern, text)
		}
		select {
		case <-changed:
		case <-p.exited:
			ended = true
		case <-limit:
			ts.Fatalf("%s did not say %q: %s", args[0], pattern, text)
		}
	}
}

func scriptInput(ts *testscript.TestScript, _ bool, args []string) {
	p := processOf(ts, args[0])
	if len(args) == 1 {
		ts.Check(p.stdin.Close())
		return
	}
	_, err := io.WriteString(p.stdin, args[1]+"\n")
	ts.Check(err)
}

func scriptSignal(ts *testscript.TestScript, _ bool, args []string) {
	signals := map[string]os.Signal{"HUP": syscall.SIGHUP, "TERM": syscall.SIGTERM, "INT": os.Interrupt}
	ts.Check(processOf(ts, args[0]).cmd.Process.Signal(signals[args[1]]))
}

func scriptEnds(ts *testscript.TestScript, _ bool, args []string) {
	p := processOf(ts, args[0])
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	select {
	case <-p.exited:
	case <-time.After(scriptLimit):
		ts.Fatalf("%s has not ended", args[0])
	}
	if got := p.cmd.ProcessState.ExitCode(); got != want {
		_, text := p.said.snapshot()
		ts.Fatalf("%s: got exit status %d, want %d: %s", args[0], got, want, text)
	}
}

// transcript keeps what a process says.
type transcript struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed and replaced at each write
}

func (tr *transcript) Write(b []byte) (int, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	close(tr.changed)
	tr.changed = make(chan struct{})
	return tr.text.Write(b)
}

func (tr *transcript) snapshot() (changed <-chan struct{}, text string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.changed, tr.text.String()
}
