package relay

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"time"
)

// KeepAliveConfig is after how long a peer that has vanished is given up. The
// zero value is the defaults that each field names.
type KeepAliveConfig struct {
	Idle     time.Duration // without a segment from the peer, until it is probed; 30 s
	Interval time.Duration // between probes; 10 s
	Count    int           // probes without an answer; 3
	Unacked  time.Duration // of data sent without an acknowledgement, on linux; 60 s
}

// ErrNoSocket tells that an option was asked for on a conn without a TCP socket.
var ErrNoSocket = errors.New("not a TCP connection")

// KeepAlive sets the options on the TCP socket under c. Durations count in
// whole seconds, but for Unacked, in milliseconds.
func KeepAlive(c net.Conn, k KeepAliveConfig) error {
	t, ok := socket(c).(*net.TCPConn)
	if !ok {
		return fmt.Errorf("keepalive: %w", ErrNoSocket)
	}
	k = k.withDefaults()
	err := t.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: k.Idle, Interval: k.Interval, Count: k.Count})
	if err != nil {
		return fmt.Errorf("keepalive: %w", err)
	}
	return setUserTimeout(t, k.Unacked)
}

// SetUnacked sets KeepAliveConfig.Unacked alone, on the TCP socket under c.
func SetUnacked(c net.Conn, d time.Duration) error {
	t, ok := socket(c).(*net.TCPConn)
	if !ok {
		return fmt.Errorf("keepalive: %w", ErrNoSocket)
	}
	return setUserTimeout(t, cmp.Or(d, time.Minute))
}

// withDefaults fills in what is zero.
func (k KeepAliveConfig) withDefaults() KeepAliveConfig {
	return KeepAliveConfig{
		Idle: cmp.Or(k.Idle, 30*time.Second), Interval: cmp.Or(k.Interval, 10*time.Second),
		Count: cmp.Or(k.Count, 3), Unacked: cmp.Or(k.Unacked, time.Minute),
	}
}
