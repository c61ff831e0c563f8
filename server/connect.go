package server

import (
	"context"
	"fmt"
	"net"

	"github.com/socksctl/socksctl/internal/relay"
	"github.com/socksctl/socksctl/internal/socks5"
)

// connect carries out CONNECT (RFC 1928, sections 4 and 6).
func (c *conn) connect(addr socks5.Addr, early []byte) (*relay.Tunnel, error) {
	ctx, cancel := context.WithTimeout(c.ctx, c.server.inForce().Connect)
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

// boundAddr returns what BND.ADDR is to say of a connection.
func boundAddr(c net.Conn) net.Addr {
	if c, ok := c.(interface{ BoundAddr() net.Addr }); ok {
		return c.BoundAddr()
	}
	return c.LocalAddr()
}
