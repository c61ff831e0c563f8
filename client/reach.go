package client

import (
	"context"
	"net"
	"time"

	"golang.org/x/net/proxy"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/internal/relay"
)

// reach opens a connection to the proxy, TLS included. A proxy that ends the
// handshake over ALPN is dialled once more, and never offered it again.
func (d *Dialer) reach(ctx context.Context, deadline time.Time) (*session, error) {
	offer := d.TLS != nil && !d.noALPN.Load()
	s, err := d.reachOnce(ctx, deadline, offer)
	if offer && refusesALPN(err) {
		d.log().DebugContext(ctx, "proxy refuses ALPN, dialling it again without", "proxy", d.URL())
		d.noALPN.Store(true)
		return d.reachOnce(ctx, deadline, false)
	}
	return s, err
}

func (d *Dialer) reachOnce(ctx context.Context, deadline time.Time, offerALPN bool) (*session, error) {
	begin, epoch := time.Now(), d.epoch.Load()
	raw, err := d.dialProxy(ctx, deadline)
	if err != nil {
		return nil, d.fault("dial", err)
	}
	// The conns of a Forward need not have a socket to set this on.
	_ = relay.KeepAlive(raw, relay.KeepAliveConfig{})
	s := &session{d: d, raw: raw, conn: raw, deadline: deadline, epoch: epoch}
	if d.TLS != nil {
		if err := s.secure(ctx, d.tlsConfig(offerALPN)); err != nil {
			raw.Close()
			return nil, d.fault("tls", certs.Explain(err))
		}
	}
	s.in.r = s.conn
	if reached := attemptOf(ctx).Reached; reached != nil {
		reached(time.Since(begin))
	}
	return s, nil
}

// dialProxy opens the connection without TLS, by Forward when there is one.
func (d *Dialer) dialProxy(ctx context.Context, deadline time.Time) (net.Conn, error) {
	ctx, cancel := context.WithDeadlineCause(ctx, deadline, errTimeout)
	defer cancel()
	network := d.Network
	if network == "" {
		network = "tcp"
	}
	c, err := dialBy(ctx, d.Forward, network, d.Address)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return c, err
}

func dialBy(ctx context.Context, forward proxy.Dialer, network, address string) (net.Conn, error) {
	switch forward := forward.(type) {
	case nil:
		var host net.Dialer
		return host.DialContext(ctx, network, address)
	case proxy.ContextDialer:
		return forward.DialContext(WithAttempt(ctx, Attempt{}), network, address)
	}
	return dialUnasked(ctx, forward, network, address)
}

// dialUnasked dials by a Dialer that takes no context. When ctx ends first, its
// conn is closed as soon as it comes; nothing can make that sooner.
func dialUnasked(ctx context.Context, forward proxy.Dialer, network, address string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result)
	go func() {
		c, err := forward.Dial(network, address)
		select {
		case done <- result{c, err}:
		case <-ctx.Done():
			if err == nil {
				c.Close()
			}
		}
	}()
	select {
	case r := <-done:
		return r.conn, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
