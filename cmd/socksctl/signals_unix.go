//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// notifyReload has c told of the signal to reload.
func notifyReload(c chan<- os.Signal) { signal.Notify(c, syscall.SIGHUP) }
