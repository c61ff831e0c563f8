//go:build !windows

package main

import "os"

// underManager calls run: other systems control services by signals.
func (v *service) underManager(_ chan<- os.Signal, run func() error) error { return run() }
