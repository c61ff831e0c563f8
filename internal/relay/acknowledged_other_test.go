//go:build !linux

package relay_test

import (
	"net"
	"time"
)

// waitAcknowledged waits until the peer of c is likely to have what was written.
func waitAcknowledged(net.Conn) { time.Sleep(200 * time.Millisecond) }
