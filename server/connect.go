package server

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/socksctl/socksctl/internal/relay"
	"github.com/socksctl/socksctl/internal/socks5"
)

// connect carries out CONNECT (RFC 1928, sections 4 and 6).
func (c *conn) connect(addr socks5.Addr, early []byte) (*relay.Tunnel, error) {
	ctx, cancel := c.dialContext(addr)
	target, err := c.server.outbound.DialContext(ctx, "tcp", addr.String())
	cancel()
	if err != nil {
		return nil, c.refuse(fmt.Errorf("connect: %w", err))
	}
	bound := boundAddr(target)
	c.setBound(bound)
	if err := c.reply(socks5.Succeeded, socks5.AddrOf(bound)); err != nil {
		target.Close()
		return nil, err
	}
	return c.join(target, early), nil
}

// dialContext returns the context to connect to addr under. A dial to an address
// keeps a deadline by itself, without a timer of the context's.
func (c *conn) dialContext(addr socks5.Addr) (context.Context, context.CancelFunc) {
	limit := c.server.inForce().Connect
	if _, direct := c.server.outbound.(*Direct); direct && !addr.IsName() {
		return until{c.ctx, time.Now().Add(limit)}, func() {}
	}
	return context.WithTimeout(c.ctx, limit)
}

// until is a context with a deadline that is for others to keep.
type until struct {
	context.Context
	deadline time.Time
}

// Deadline implements context.Context.
func (u until) Deadline() (time.Time, bool) { return u.deadline, true }

// boundAddr returns what BND.ADDR is to say of a connection.
func boundAddr(c net.Conn) net.Addr {
	if c, ok := c.(interface{ BoundAddr() net.Addr }); ok {
		return c.BoundAddr()
	}
	return c.LocalAddr()
}
