package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/socksctl/socksctl/internal/carrier"
	"github.com/socksctl/socksctl/internal/relay"
	"github.com/socksctl/socksctl/internal/socks5"
)

// errEnded ends an association whose client closed its connection in order.
var errEnded = errors.New("client ended the association")

// associate carries out UDP ASSOCIATE (RFC 1928, sections 4 and 7): a relay
// port of its own for datagrams with the header of section 7.
func (c *conn) associate(declared socks5.Addr) error {
	if err := c.server.third(); err != nil {
		return c.refuse(fmt.Errorf("udp relay: %w", err))
	}
	defer c.server.addThird(-1)
	pc, err := c.listenRelay()
	if err != nil {
		return c.refuse(fmt.Errorf("udp relay: %w", err))
	}
	own := addrPort(pc.LocalAddr())
	c.server.ownUDP.add(own)
	defer c.server.ownUDP.remove(own)
	app, err := carrier.NewPacketServer(pc, carrier.PeerOf(hostOf(c.Client), declared, c.server.UDPRoaming), c.drop)
	if err != nil {
		pc.Close()
		return c.refuse(fmt.Errorf("udp relay: %w", err))
	}
	if gate := c.server.GateDatagram; gate != nil {
		app.Guard(func(from netip.AddrPort) bool { return gate(c.Session, from, own) == nil })
	}
	out, err := c.listenOut()
	if err != nil {
		app.Close()
		return c.refuse(err)
	}
	ctx, cancel := context.WithCancelCause(c.ctx)
	defer cancel(nil)
	bound := advertised(pc.LocalAddr(), c.server.Advertise)
	if err := c.reply(socks5.Succeeded, socks5.AddrOf(bound)); err != nil {
		app.Close()
		out.Close()
		return err
	}
	w := watch(c.peer, -1, nil, func() { cancel(errEnded) })
	err = c.exchange(ctx, app, out)
	w.stop()
	c.closeInOrder()
	return err
}

// stream carries out the private commands, whose datagrams travel on the
// control connection itself (docs/protocol.md).
func (c *conn) stream(command socks5.Command, early []byte) error {
	out, err := c.listenOut()
	if err != nil {
		return c.refuse(err)
	}
	if err := c.reply(socks5.Succeeded, socks5.AddrOf(out.LocalAddr())); err != nil {
		out.Close()
		return err
	}
	in := io.MultiReader(bytes.NewReader(early), c.peer)
	return c.exchange(c.ctx, carrier.NewStream(relay.Prompt(c.peer), in, command, c.drop), out)
}

// listenOut asks the outbound for the far side of an association.
func (c *conn) listenOut() (carrier.Conn, error) {
	ctx, cancel := context.WithTimeout(c.ctx, c.server.inForce().Connect)
	defer cancel()
	pc, err := c.server.outbound.ListenPacket(ctx, "udp", "")
	if err != nil {
		return nil, fmt.Errorf("udp: %w", err)
	}
	if pc, ok := pc.(interface{ SetDropFunc(carrier.DropFunc) }); ok {
		pc.SetDropFunc(c.drop)
	}
	out := carrier.FromPacketConn(pc, c.drop)
	c.setBound(out.LocalAddr())
	return out, nil
}

// listenRelay opens the port that the client sends its datagrams to, on the
// address at which it reached this server.
func (c *conn) listenRelay() (pc *net.UDPConn, err error) {
	local := hostOf(c.local).Addr()
	err = c.server.Ports.open(func(port uint16) error {
		pc, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, port)))
		return err
	})
	return pc, err
}

// hostOf returns the IP of an end of a client's connection. A client on a unix
// socket is on this host, and has its datagrams and BIND listeners on loopback.
func hostOf(a net.Addr) netip.AddrPort {
	if ap := addrPort(a); ap.IsValid() {
		return ap
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)
}

// closeInOrder closes the control connection so that the client reads an end
// and no failure.
func (c *conn) closeInOrder() {
	if c.life.ended() == nil {
		relay.CloseDrained(c.peer, drainWait)
	}
}

// exchange moves datagrams between app and out until either ends, ctx does, or
// none has passed for the idle timeout. It closes both.
func (c *conn) exchange(ctx context.Context, app, out carrier.Conn) error {
	c.enter(StageRelay)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	a := &association{conn: c, ctx: ctx, app: app, out: out, cancel: cancel, idle: relay.Idle{After: c.server.inForce().UDPIdle, Active: &c.active}}
	c.remotes.Store(new(remotes))
	a.idle.Start(func() { cancel(relay.ErrIdle) })
	defer a.idle.Stop()
	closed := make(chan struct{})
	context.AfterFunc(ctx, func() { // runs always: requests ends with ctx, or ends it
		app.Close()
		out.Close()
		close(closed)
	})
	answered := make(chan struct{})
	go func() { // ends when out is closed
		defer close(answered)
		a.answers()
	}()
	a.requests()
	<-closed
	<-answered
	if err := context.Cause(ctx); !errors.Is(err, errEnded) {
		return err
	}
	return nil
}
