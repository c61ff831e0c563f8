package forwarder

import (
	"net"
	"sync"

	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/relay"
)

// opened counts a session in, and returns what counts it out, once.
func (m *member) opened() (closed func()) {
	m.sessions.Add(1)
	return sync.OnceFunc(func() { m.sessions.Add(-1) })
}

// conn is a connection through a server, counted there.
type conn struct {
	net.Conn
	closed func()
}

// Close closes the connection.
func (c *conn) Close() error {
	defer c.closed()
	return c.Conn.Close()
}

// BoundAddr returns the address that the far side sees.
func (c *conn) BoundAddr() net.Addr { return c.Conn.(interface{ BoundAddr() net.Addr }).BoundAddr() }

// NetConn returns the connection to the server.
func (c *conn) NetConn() net.Conn { return c.Conn.(interface{ NetConn() net.Conn }).NetConn() }

// RelayConn returns what the bytes of c move on.
func (c *conn) RelayConn() net.Conn { return c.Conn }

// CloseWrite ends what goes to the far side.
func (c *conn) CloseWrite() error { return relay.CloseWrite(c.Conn) }

// listener is a BIND on a server. It counts there until it is closed, and what
// it accepts until that is.
type listener struct {
	net.Listener
	member *member
	closed func()
}

// Accept returns the peer.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{c, l.member.opened()}, nil
}

// Close makes the server stop listening.
func (l *listener) Close() error {
	defer l.closed()
	return l.Listener.Close()
}

// batched is what a Dialer returns as an association.
type batched interface {
	net.PacketConn
	ReadBatch(ds []carrier.Datagram) (int, error)
	WriteBatch(ds []carrier.Datagram) error
	SetDropFunc(f carrier.DropFunc)
}

// packetConn is an association with a server, counted there.
type packetConn struct {
	batched
	closed func()
}

var _ carrier.Conn = (*packetConn)(nil)

func (m *member) packetConn(pc net.PacketConn) net.PacketConn {
	return &packetConn{pc.(batched), m.opened()}
}

// Close ends the association.
func (p *packetConn) Close() error {
	defer p.closed()
	return p.batched.Close()
}
