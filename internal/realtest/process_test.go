//go:build linux

package realtest_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	startLimit = 30 * time.Second // for a process to say that it is ready
	stopLimit  = 15 * time.Second // for a process without sessions to end after SIGTERM
	runLimit   = 4 * time.Minute  // for a program that ends by itself
)

// program finds a program that is no part of this module.
func program(t *testing.T, name, debianPackage string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	lacking(t, name+" is missing: install the Debian package "+debianPackage)
	return ""
}

// lacking ends a test that cannot run here. In CI that is a failure.
func lacking(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// environment leaves out everything that could point a program to a proxy or
// to a configuration of the user's.
func environment(extra ...string) []string {
	tmp := os.TempDir()
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TMPDIR=" + tmp,
		"HOME=" + tmp, "XDG_CONFIG_HOME=" + tmp, "XDG_RUNTIME_DIR=" + tmp,
		"SOCKSCTL_SERVER_ADMIN=off", "SOCKSCTL_FORWARD_ADMIN=off", // as root the default is one for all of the host
		"SOCKSCTL_HISTORY_URL=off", // likewise
		"GORACE=atexit_sleep_ms=0", // else each socksctl takes a second to end
	}, extra...)
}

// command prepares a program that dies with the test binary.
func command(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	cmd.Env = environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// result is what a program left that ran to its end.
type result struct {
	stdout, stderr string
	err            error
}

// run waits for cmd to end. Its stdout is in the result unless cmd has one.
func run(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	return runWithin(t, runLimit, cmd)
}

// runWithin is run for a program that may take another time.
func runWithin(t *testing.T, most time.Duration, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if cmd.Stdout == nil {
		cmd.Stdout = &stdout
	}
	cmd.Stderr = &stderr
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	limit := time.AfterFunc(most, func() {
		t.Errorf("%s still runs after %v: %v", cmd.Path, most, cmd.Process.Kill())
	})
	defer limit.Stop()
	err := cmd.Wait()
	return result{stdout.String(), stderr.String(), err}
}

// mustRun is run for a program that has to succeed; it returns the stdout.
func mustRun(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	r := run(t, cmd)
	if r.err != nil {
		t.Fatalf("%s: %v\nstdout: %s\nstderr: %s", strings.Join(cmd.Args, " "), r.err, r.stdout, r.stderr)
	}
	return r.stdout
}

// process is a socksctl, or another server, that runs beside a test.
type process struct {
	cmd    *exec.Cmd
	said   *transcript
	exited chan struct{} // closed when err is set
	err    error
}

// start runs socksctl until the test ends. Then it gets SIGTERM and has to end
// with status 0: nothing that it serves may be open any more, and the race
// detector, which changes the status, must have found nothing.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	return startCommand(t, command(socksctl(t), args...))
}

// startCommand is start for a socksctl that is prepared in another way, and for
// another server that ends in order after SIGTERM.
func startCommand(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, said: newTranscript(), exited: make(chan struct{})}
	p.cmd.Stderr = p.said
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the process
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() { p.stop(t) })
	return p
}

func (p *process) stop(t *testing.T) {
	p.signal(t, syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(stopLimit):
		t.Errorf("%s still runs %v after SIGTERM", p.cmd.Args[1], stopLimit)
		p.signal(t, syscall.SIGABRT) // prints the goroutines
		<-p.exited
	}
	if p.err != nil {
		t.Errorf("%s ended with %v", p.cmd.Args[1], p.err)
	}
	if t.Failed() {
		t.Logf("%s\n%s", strings.Join(p.cmd.Args, " "), p.said)
	}
}

func (p *process) signal(t *testing.T, s os.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("signal %s: %v", p.cmd.Args[1], err)
	}
}

// await waits until what the process says matches n times, and returns the
// matches with their groups.
func (p *process) await(t *testing.T, re *regexp.Regexp, n int) [][]string {
	t.Helper()
	limit := time.After(startLimit)
	for {
		changed, text := p.said.snapshot()
		if found := re.FindAllStringSubmatch(text, -1); len(found) >= n {
			return found
		}
		select {
		case <-changed:
		case <-p.exited:
			t.Fatalf("%s ended before it said %d times %q: %v", p.cmd.Args[1], n, re, p.err)
		case <-limit:
			t.Fatalf("%s did not say %d times %q", p.cmd.Args[1], n, re)
		}
	}
}

// transcript keeps what a process writes, for any number of readers.
type transcript struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	changed chan struct{} // closed and replaced at each write
}

func newTranscript() *transcript { return &transcript{changed: make(chan struct{})} }

func (tr *transcript) Write(b []byte) (int, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	close(tr.changed)
	tr.changed = make(chan struct{})
	return tr.buf.Write(b)
}

func (tr *transcript) snapshot() (changed <-chan struct{}, text string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.changed, tr.buf.String()
}

func (tr *transcript) String() string {
	_, text := tr.snapshot()
	return text
}
