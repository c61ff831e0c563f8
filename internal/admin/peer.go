package admin

import (
	"fmt"
	"net"

	"github.com/socksctl/socksctl/internal/owner"
)

// named is a listener whose connections on a unix socket bear the name of who is
// at the other end, for the log and for records.
type named struct{ net.Listener }

// Accept returns the next connection.
func (l named) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if _, unix := c.(*net.UnixConn); err != nil || !unix {
		return c, err
	}
	who := peer("unix socket")
	if uid, err := owner.Of(c); err == nil { // else the system has no answer
		who = peer(fmt.Sprintf("uid %d", uid))
	}
	return namedConn{c, who}, nil
}

// namedConn is a connection of somebody with a name.
type namedConn struct {
	net.Conn
	who peer
}

// RemoteAddr returns the name.
func (c namedConn) RemoteAddr() net.Addr { return c.who }

// NetConn returns the connection itself.
func (c namedConn) NetConn() net.Conn { return c.Conn }

// peer is the name of a client on a unix socket, as its address.
type peer string

// Network returns "unix".
func (peer) Network() string { return "unix" }

// String returns the name.
func (p peer) String() string { return string(p) }
