package client

import (
	"context"
	"net"
	"sync"

	"github.com/socksctl/socksctl/internal/socks5"
)

// Listen opens a port on the proxy for one connection back (RFC 1928, BIND).
// network is "tcp", "tcp4" or "tcp6". peer, "host:port", is who may connect; an
// empty or unspecified host lets anyone, and a port next to such a host asks
// the proxy for that port to listen on.
//
// The listener's Addr is what to tell the peer. Accept returns once, with the
// peer as RemoteAddr and a conn like that of [Dialer.DialContext]; a later
// Accept returns net.ErrClosed. It waits for BindTimeout. Closing the listener
// makes the proxy stop listening, and leaves an accepted conn alone.
func (d *Dialer) Listen(ctx context.Context, network, peer string) (net.Listener, error) {
	allowed, err := parsePeer(network, peer)
	if err != nil {
		return nil, &net.OpError{Op: "bind", Net: network, Err: err}
	}
	s, bound, err := d.ask(ctx, socks5.Request{Command: socks5.Bind, Addr: allowed})
	if err != nil {
		return nil, d.refused("bind", network, netAddr(allowed), err)
	}
	return &listener{s: s, network: network, addr: netAddr(s.outside(bound))}, nil
}

// listener waits for the second reply of a BIND.
type listener struct {
	s       *session
	network string
	addr    net.Addr

	mu      sync.Mutex
	claimed bool  // by an Accept, which has not returned a conn yet
	err     error // why Accept fails from here on; nil until then
}

// Addr returns the address of the outermost server, where the peer connects to.
func (l *listener) Addr() net.Addr { return l.addr }

// Accept waits for the peer. Its errors are a *ProxyError, and a *net.OpError
// with what the proxy answered or with net.ErrClosed.
func (l *listener) Accept() (net.Conn, error) {
	if err := l.claim(); err != nil {
		return nil, l.failed(err)
	}
	peer, err := l.s.reply(context.Background(), l.s.d.bindTimeout())
	if err != nil {
		return nil, l.failed(l.abandon(err))
	}
	if err := l.handOver(); err != nil {
		return nil, l.failed(err)
	}
	return &conn{Conn: l.s.conn, bound: l.addr, remote: netAddr(peer)}, nil
}

// Close makes the proxy stop listening, and a waiting Accept return
// net.ErrClosed. It leaves an accepted conn alone.
func (l *listener) Close() error {
	_ = l.abandon(net.ErrClosed)
	return nil
}

// claim makes the caller the one that accepts.
func (l *listener) claim() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil && l.claimed {
		return net.ErrClosed
	}
	l.claimed = true
	return l.err
}

// handOver makes the connection the caller's, unless it was closed meanwhile.
func (l *listener) handOver() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	l.err = net.ErrClosed
	return nil
}

// abandon closes the connection, unless it was handed over, and returns the
// first reason to do so.
func (l *listener) abandon(reason error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = reason
		l.s.conn.Close()
	}
	return l.err
}

func (l *listener) failed(err error) error { return l.s.d.refused("accept", l.network, l.addr, err) }
