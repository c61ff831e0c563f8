package relay

import (
	"io"
	"net"
	"time"
)

// drainLimit bounds what CloseDrained discards.
const drainLimit = 1 << 20

// socket returns the conn that c is wrapped around: the one whose close the
// peer sees.
func socket(c net.Conn) net.Conn {
	for {
		switch w := c.(type) {
		case interface{ RelayConn() net.Conn }:
			c = w.RelayConn()
		case interface{ NetConn() net.Conn }:
			c = w.NetConn()
		default:
			return c
		}
	}
}

// Abort closes c so that its peer sees a failure and no end: RST on TCP, and no
// close_notify on TLS. What was written and not yet sent is lost.
func Abort(c net.Conn) {
	s := socket(c)
	if t, ok := s.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
	s.Close()
	// The wrappers hold no descriptor, but may hold other things. A tls.Conn
	// would only try to say goodbye on the closed socket.
	if s != c {
		c.Close()
	}
}

// CloseWrite ends what goes to the peer of c, which can still send: FIN on a
// socket, close_notify on TLS. A conn that cannot do this is closed.
func CloseWrite(c net.Conn) error {
	for {
		if t, raw := overRaw(c); raw != nil {
			return raw.closeWrite(t.CloseWrite)
		}
		if w, ok := c.(interface{ CloseWrite() error }); ok {
			return w.CloseWrite()
		}
		w, ok := c.(interface{ RelayConn() net.Conn })
		if !ok {
			return c.Close()
		}
		c = w.RelayConn()
	}
}

// CloseDrained closes c so that its peer reads all that was written: it ends
// its own side, discards what the peer still sends until that ends, for wait at
// most, and closes. Input left unread would make the kernel send RST, and the
// peer lose the last reply.
func CloseDrained(c net.Conn, wait time.Duration) {
	defer c.Close()
	deadline := time.Now().Add(wait)
	c.SetDeadline(deadline)
	if CloseWrite(c) != nil {
		return
	}
	if s := socket(c); s != c {
		closeSend(s) // FIN after close_notify
	}
	_, _ = io.CopyN(io.Discard, c, drainLimit)
}

// closeSend sends FIN on a socket.
func closeSend(c net.Conn) {
	if w, ok := c.(interface{ CloseWrite() error }); ok {
		w.CloseWrite()
	}
}

// closeRead makes reads of c end once what has already come is read, if its
// socket can do that.
func closeRead(c net.Conn) {
	if r, ok := socket(c).(interface{ CloseRead() error }); ok {
		r.CloseRead()
	}
}
