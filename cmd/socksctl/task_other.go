//go:build !windows

package main

// newLogonTask is for Windows.
func newLogonTask(*installation) manager { return nil }
