package main

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
)

// become runs a program and ends with its status. Ctrl-C goes to both, and this one
// waits for what the other makes of it.
func become(path string, args, environ []string) error {
	signal.Ignore(os.Interrupt)
	defer signal.Reset(os.Interrupt)
	cmd := &exec.Cmd{Path: path, Args: args, Env: environ, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return &exitError{status: exit.ExitCode()}
	}
	if err != nil {
		return &exitError{exitCannotStart, err}
	}
	return nil
}
