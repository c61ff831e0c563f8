package relay

import (
	"net"
	"time"
)

// tcpClosed is the state of a socket that has seen RST.
const tcpClosed = 7

// settle waits until the peer of c has acknowledged all that was written to it,
// the connection is over, or by is past. An abort discards what is not sent
// yet, and the kernel has no event for that queue becoming empty: so this looks
// again and again, and is for tunnels that have failed only.
func settle(c net.Conn, by time.Time) {
	t, ok := socket(c).(*net.TCPConn)
	if !ok {
		return
	}
	for wait := time.Millisecond; unacknowledged(t) && time.Now().Before(by); wait = min(2*wait, 50*time.Millisecond) {
		time.Sleep(wait)
	}
}

// unacknowledged reports whether c is open and has bytes that its peer has not
// acknowledged.
func unacknowledged(c *net.TCPConn) bool {
	info := tcpInfo(c)
	return info != nil && info.State != tcpClosed && info.Unacked+info.Notsent_bytes > 0
}
