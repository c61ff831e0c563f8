package server

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/socksctl/socksctl/internal/relay"
	"github.com/socksctl/socksctl/internal/socks5"
)

// errHungUp is the reason of a session whose client went away while it had to
// wait.
var errHungUp = errors.New("client hung up while waiting")

// errNobody is the reason of a BIND to which no peer came.
var errNobody = fmt.Errorf("nobody connected in time: %w", socks5.TTLExpired)

// bind carries out BIND (RFC 1928, sections 4 and 6): reply 1 when the listener
// stands, reply 2 when the peer has connected.
func (c *conn) bind(addr socks5.Addr, early []byte) (*relay.Tunnel, error) {
	ctx, cancel := context.WithTimeout(c.ctx, c.server.inForce().Connect)
	l, err := c.server.outbound.Listen(ctx, "tcp", addr.String())
	cancel()
	if err != nil {
		return nil, c.refuse(fmt.Errorf("bind: %w", err))
	}
	defer l.Close()
	c.setBound(l.Addr())
	if err := c.reply(socks5.Succeeded, socks5.AddrOf(l.Addr())); err != nil {
		return nil, err
	}
	peer, early, err := c.await(l, early)
	l.Close()
	if errors.Is(err, errHungUp) {
		return nil, err
	}
	if err != nil {
		return nil, c.refuse(fmt.Errorf("bind: %w", err))
	}
	if err := c.reply(socks5.Succeeded, socks5.AddrOf(peer.RemoteAddr())); err != nil {
		peer.Close()
		return nil, err
	}
	return c.join(peer, early), nil
}

// await waits for the peer, for the client to hang up, or for the time to be
// over. It returns the peer and all that the client has sent meanwhile.
func (c *conn) await(l net.Listener, early []byte) (net.Conn, []byte, error) {
	c.enter(StagePeer)
	ctx, cancel := context.WithCancelCause(c.ctx)
	defer cancel(nil)
	ctx, cancelTimeout := context.WithTimeoutCause(ctx, c.server.inForce().BindWait, errNobody)
	defer cancelTimeout()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()

	w := watch(c.peer, maxEarly, early, func() { cancel(errHungUp) })
	peer, err := l.Accept()
	early = w.stop()
	if cause := context.Cause(ctx); cause != nil {
		if peer != nil {
			peer.Close()
		}
		return nil, nil, cause
	}
	return peer, early, err
}
