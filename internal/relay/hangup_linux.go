package relay

import (
	"crypto/tls"
	"errors"
	"net"

	"golang.org/x/sys/unix"
)

// AwaitHangUp waits until the peer of c has hung up, whether or not what it sent
// before has been read; of that it reads nothing. It returns an error if c is closed
// or past its read deadline before, or is no socket that could tell.
func AwaitHangUp(c net.Conn) error {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if r, ok := c.(*Raw); ok {
		c = r.Conn
	}
	raw := descriptor(dataConn(c))
	if raw == nil {
		return errors.ErrUnsupported
	}
	return raw.Read(hungUp)
}

// hungUp tells whether an end or a reset has come on a socket. Where it says no it
// is asked again when something comes, and each of the two is such a thing.
func hungUp(fd uintptr) bool {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}, 0)
		if err != unix.EINTR {
			return n > 0
		}
	}
}
