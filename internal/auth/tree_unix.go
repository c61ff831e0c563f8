//go:build unix

package auth

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// runTree runs cmd in a process group of its own. All that is in the group is
// killed when the context of cmd ends, and when cmd has ended: a bound on the
// number of programs would be none if they could leave children behind.
func runTree(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	if err := cmd.Start(); err != nil {
		return err
	}
	err := cmd.Wait()
	_ = killGroup(cmd.Process) // there is nothing left, as a rule
	return err
}

// killGroup kills the group that leader leads or led. Its number is not given to
// another process while there are any in the group; nor, in the moment since there
// are none, before all other numbers had their turn.
func killGroup(leader *os.Process) error {
	err := syscall.Kill(-leader.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}
