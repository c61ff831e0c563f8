package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"
)

// withPassword gets a password, at a prompt or as a line of stdin, and hands it
// to do. At a prompt a new one is asked for twice.
func withPassword(s streams, isNew bool, do func(string) error) error {
	in, ok := s.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(s.in, 1024)).ReadString('\n')
		if err != nil && (line == "" || !errors.Is(err, io.EOF)) {
			return fmt.Errorf("read the password from stdin: %w", err)
		}
		return do(strings.TrimRight(line, "\r\n"))
	}
	password, err := prompt(s, in, "password: ")
	if err != nil {
		return err
	}
	if isNew {
		again, err := prompt(s, in, "once more: ")
		if err != nil {
			return err
		}
		if again != password {
			return errors.New("the two passwords differ")
		}
	}
	return do(password)
}

// prompt reads a line without echo. A signal that ends it gives the terminal
// its echo back.
func prompt(s streams, in *os.File, text string) (string, error) {
	fd := int(in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	fmt.Fprint(s.err, text)
	defer fmt.Fprintln(s.err)
	typed := make(chan line, 1)
	go func() { // ends with the line, or with the process
		password, err := term.ReadPassword(fd)
		typed <- line{string(password), err}
	}()
	select {
	case l := <-typed:
		return l.text, l.err
	case sig := <-signals:
		return "", errors.Join(fmt.Errorf("no password: %v", sig), term.Restore(fd, before))
	}
}

type line struct {
	text string
	err  error
}
