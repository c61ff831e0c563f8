package server

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/socksctl/socksctl/internal/relay"
)

// spoken is how long the system waits for the first bytes of a client, in seconds,
// before it hands a silent one over.
const spoken = 1

// listenConfig is how TCP listeners are opened. Connections have the options of
// their listener, which saves setting them on each. And as it is the client that
// speaks first, one is accepted when its first bytes are there: to wait for them
// costs nothing here then. One that stays silent comes a second later.
//
// Multipath TCP, which package net would offer, has no TCP_USER_TIMEOUT.
func listenConfig() net.ListenConfig {
	config := net.ListenConfig{KeepAlive: -1, Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) {
			// What cannot be set here is set on each connection, or waited for.
			_ = relay.KeepAliveFD(int(fd), relay.KeepAliveConfig{})
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, spoken)
		})
	}}
	config.SetMultipathTCP(false)
	return config
}
