package relay

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// KeepAliveFD is KeepAlive for the descriptor of a TCP socket. What a listener
// has, the connections that it accepts have too.
func KeepAliveFD(fd int, k KeepAliveConfig) error {
	k = k.withDefaults()
	return errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, seconds(k.Idle)),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, seconds(k.Interval)),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, k.Count),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(k.Unacked.Milliseconds())),
	)
}

// HasKeepAlive tells whether c came with what KeepAlive would set on it.
func HasKeepAlive(c net.Conn, k KeepAliveConfig) bool {
	t, ok := c.(*net.TCPConn)
	k = k.withDefaults()
	return ok && tcpOption(t, unix.TCP_KEEPIDLE) == seconds(k.Idle) && // package net sets its own on what it accepts
		tcpOption(t, unix.TCP_USER_TIMEOUT) == int(k.Unacked.Milliseconds())
}

func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// setUserTimeout bounds how long data may stay unacknowledged (RFC 5482).
// Keepalive does not do that: it is silent while data is under way.
func setUserTimeout(c *net.TCPConn, d time.Duration) error {
	if err := setTCPOption(c, unix.TCP_USER_TIMEOUT, int(d.Milliseconds())); err != nil {
		return fmt.Errorf("TCP_USER_TIMEOUT: %w", err)
	}
	return nil
}

func setTCPOption(c *net.TCPConn, option, value int) error {
	return control(c, func(fd int) error {
		return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, option, value)
	})
}

// tcpOption returns the value of an option, and 0 once c is closed.
func tcpOption(c *net.TCPConn, option int) (value int) {
	_ = control(c, func(fd int) (err error) {
		value, err = unix.GetsockoptInt(fd, unix.IPPROTO_TCP, option)
		return err
	})
	return value
}

// tcpInfo returns TCP_INFO, and nil once c is closed.
func tcpInfo(c *net.TCPConn) (info *unix.TCPInfo) {
	_ = control(c, func(fd int) (err error) {
		info, err = unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		return err
	})
	return info
}

// control calls f with the descriptor of c.
func control(c *net.TCPConn, f func(fd int) error) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = f(int(fd)) }); err != nil {
		return err
	}
	return failed
}
