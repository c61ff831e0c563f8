package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/human"
	"github.com/socksctl/socksctl/internal/socks5"
)

// The exit statuses.
const (
	exitFailed        = 1
	exitMisuse        = 2
	exitConfiguration = 3
	exitRefused       = 4 // by the proxy, with a reply or at the login
	exitUnreachable   = 5 // the proxy, or its TLS
)

// exitError is an error that knows its exit status.
type exitError struct {
	status int
	err    error // nil: there is nothing to say
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}
func (e *exitError) Unwrap() error { return e.err }

// misuse is an error in how a command was called.
func misuse(format string, args ...any) error {
	return &exitError{exitMisuse, fmt.Errorf(format, args...)}
}

// misconfigured is an error in what a command was told to work with.
func misconfigured(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitConfiguration, err}
}

// status returns the exit status for err.
func status(err error) int {
	var (
		exit  *exitError
		proxy *client.ProxyError
		reply socks5.Reply
	)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.status
	case errors.Is(err, client.ErrLogin), errors.Is(err, client.ErrMethod):
		return exitRefused
	case errors.As(err, &proxy):
		return exitUnreachable
	case errors.As(err, &reply):
		return exitRefused
	case strings.HasPrefix(err.Error(), "unknown command"): // cobra has no type for it
		return exitMisuse
	}
	return exitFailed
}

// explain tells the user of err: a reply with its code, and what to do about it
// on a line of its own. Where a far host had a say in the words, they are made
// harmless.
func (s streams) explain(err error) {
	d := client.Diagnose(err)
	if d.Why == "" {
		return
	}
	lines := strings.Split(d.Why, "\n")
	for i, line := range lines {
		lines[i] = human.Visible(strings.ReplaceAll(line, "\t", "  "))
	}
	s.talk("%s", strings.Join(lines, "\n"))
	if d.Next != "" {
		s.talk("hint: %s", human.Visible(d.Next))
	}
}
