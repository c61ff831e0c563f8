package client

import (
	"net"

	"github.com/socksctl/socksctl/internal/relay"
)

// conn is a connection through the proxy: the one to the proxy, with the
// addresses of the far side. It adds nothing to the bytes.
type conn struct {
	net.Conn
	bound, remote net.Addr
}

// BoundAddr returns the address that the far side sees, as the proxy told it.
func (c *conn) BoundAddr() net.Addr { return c.bound }

// RemoteAddr returns the target, or the peer that connected.
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// NetConn returns the connection to the proxy: TLS, or the socket.
func (c *conn) NetConn() net.Conn { return c.Conn }

// RelayConn returns what the bytes of c move on.
func (c *conn) RelayConn() net.Conn { return c.Conn }

// CloseWrite ends what goes to the far side: FIN, or close_notify in TLS.
func (c *conn) CloseWrite() error { return relay.CloseWrite(c.Conn) }
