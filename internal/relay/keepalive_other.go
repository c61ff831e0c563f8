//go:build !linux

package relay

import (
	"net"
	"time"
)

// setUserTimeout does nothing: data under way is given up after what the system
// is set to.
func setUserTimeout(*net.TCPConn, time.Duration) error { return nil }

// HasKeepAlive returns false: what c came with is not known here.
func HasKeepAlive(net.Conn, KeepAliveConfig) bool { return false }
