package main

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/socksctl/socksctl/internal/auth"
	"github.com/socksctl/socksctl/internal/config"
)

// oneVerifier refuses two of them: a name that both know would have two passwords,
// and the time of a refusal would tell which of them knows it.
func oneVerifier(c *config.Server) error {
	if c.Users != "" && c.AuthCommand != "" {
		return errors.New("server.users and server.auth_command: logins are verified by one of them")
	}
	return nil
}

// useCommand takes logins as a program verifies them, if there is one.
func (v *service) useCommand(line string) error {
	if line == "" {
		return nil
	}
	command, err := newCommand(line, v.log)
	if err != nil {
		return err
	}
	v.Auth = append(v.Auth, command)
	v.fence.program = command.Program()
	v.unseen = append(v.unseen, part{name: "auth command", prepare: func() (func(), error) { return nil, command.Reload() }})
	return nil
}

// newCommand is auth.NewCommand with errors that name the key.
func newCommand(line string, log *slog.Logger) (*auth.Command, error) {
	command, err := auth.NewCommand(line, log)
	if err != nil {
		return nil, fmt.Errorf("server.auth_command: %w", err)
	}
	return command, nil
}
