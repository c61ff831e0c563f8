//go:build !linux

package server

import "net"

// listenConfig is how TCP listeners are opened.
func listenConfig() net.ListenConfig { return net.ListenConfig{} }
