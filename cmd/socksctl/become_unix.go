//go:build unix

package main

import (
	"fmt"
	"syscall"
)

// become replaces this process by a program: signals, terminal and exit status are
// the program's own.
func become(path string, args, environ []string) error {
	err := syscall.Exec(path, args, environ)
	return &exitError{exitCannotStart, fmt.Errorf("%s: %w", path, err)}
}
