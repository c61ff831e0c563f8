// Package process starts programs, measures what they take and ends them by
// their ids. What it measures is the program with all of its threads and
// children, and nothing of whoever drives it.
package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// endLimit is how long a program may take to end by itself once it is asked to.
const endLimit = 2 * time.Second

// Process is a program that runs.
type Process struct {
	cmd  *exec.Cmd
	said *tail
	done chan struct{} // closed once it has been waited for
	err  error         // of Wait, once done is closed
}

// Start runs a program at the head of a process group of its own. It dies with
// this process, even if that is killed. Whoever starts it calls End.
func Start(name string, args ...string) (*Process, error) { return StartFiles(nil, name, args...) }

// StartEnv is Start with more of an environment.
func StartEnv(env []string, name string, args ...string) (*Process, error) {
	return start(exec.Command(name, args...), env, nil)
}

// StartFiles is Start with files that the program has as its descriptors from 3 on.
func StartFiles(files []*os.File, name string, args ...string) (*Process, error) {
	return start(exec.Command(name, args...), nil, files)
}

func start(cmd *exec.Cmd, env []string, files []*os.File) (*Process, error) {
	p := &Process{cmd: cmd, said: new(tail), done: make(chan struct{})}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.ExtraFiles = files
	p.cmd.WaitDelay = endLimit // a child may hold its output open
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { // ends with the program
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Run runs a program to its end and returns what it said as an error if that
// was no success.
func Run(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// ID is the process id.
func (p *Process) ID() int { return p.cmd.Process.Pid }

// Err is nil while the program runs, and then says that it has ended, and what
// it said last.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s has ended: %w: %s", p.cmd.Args[0], errors.Join(p.err, os.ErrProcessDone), p.said)
	default:
		return nil
	}
}

// Said is the end of what it said so far.
func (p *Process) Said() string { return p.said.String() }

// End asks the program and its children to end, and kills those that do not. It
// returns once the program is gone; of one that is gone it has nothing to do.
func (p *Process) End() {
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(endLimit):
	}
	p.signal(syscall.SIGKILL)
	<-p.done
}

// signal goes to the whole group, of which the program is the head. The group
// keeps its number while any of it lives.
func (p *Process) signal(s syscall.Signal) {
	_ = syscall.Kill(-p.ID(), s) // none is left
}
