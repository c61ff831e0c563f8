package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strings"
	"unicode/utf16"

	kardianos "github.com/kardianos/service"
	"golang.org/x/sys/windows"
)

// logonTask is an installation as a task of the task scheduler.
type logonTask struct{ *installation }

func newLogonTask(i *installation) manager { return logonTask{i} }

// Install has the scheduler know the task. It takes it from a file, as UTF-16.
func (t logonTask) Install() error {
	who, err := user.Current()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp("", "socksctl-*.xml")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	line := windows.ComposeCommandLine(append([]string{t.what}, t.args...))
	text := utf16.Encode([]rune("\ufeff" + t.task(who.Username, line)))
	if err := errors.Join(binary.Write(f, binary.LittleEndian, text), f.Close()); err != nil {
		return err
	}
	return schtasks("/Create", "/TN", t.name(), "/XML", f.Name())
}

// Uninstall has the scheduler forget the task.
func (t logonTask) Uninstall() error { return schtasks("/Delete", "/F", "/TN", t.name()) }

// Start runs the task now.
func (t logonTask) Start() error { return schtasks("/Run", "/TN", t.name()) }

// Stop ends the task at once: a task is not asked to end.
func (t logonTask) Stop() error { return schtasks("/End", "/TN", t.name()) }

// Status asks for the state by a name that is not translated.
func (t logonTask) Status() (kardianos.Status, error) {
	script := "(Get-ScheduledTask -TaskName '" + t.name() + "').State"
	out, err := exec.Command("powershell", "-NoProfile", "-NonInteractive", "-Command", script).Output()
	switch {
	case err != nil:
		return kardianos.StatusUnknown, fmt.Errorf("ask the task scheduler: %w", err)
	case len(bytes.TrimSpace(out)) == 0:
		return kardianos.StatusUnknown, kardianos.ErrNotInstalled
	case strings.TrimSpace(string(out)) == "Running":
		return kardianos.StatusRunning, nil
	}
	return kardianos.StatusStopped, nil
}

func schtasks(args ...string) error {
	out, err := exec.Command("schtasks", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("schtasks %s: %w: %s", args[0], err, bytes.TrimSpace(out))
	}
	return nil
}
