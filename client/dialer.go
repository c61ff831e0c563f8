package client

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/proxy"

	"github.com/socksctl/socksctl/internal/socks5"
)

// The times that a zero field of [Dialer] stands for.
const (
	DefaultTimeout      = 10 * time.Second
	DefaultReplyTimeout = 15 * time.Second
	DefaultBindTimeout  = 305 * time.Second
)

// ALPN is the application protocol that a socksctl server selects, and only
// for a client that offers it. To a server that did, greeting, login and
// request go in one flight; every other one is spoken to step by step, because
// several lose what is sent ahead.
const ALPN = "socksctl/1"

// Dialer reaches the network through one SOCKS5 server, the proxy. Fill in the
// fields, or let [ParseURL] do it, and leave them alone from the first call
// on; from then its methods may be called by any number of goroutines. It must
// not be copied after that: it remembers what the proxy turned out to be
// capable of.
//
// Every context bounds the set-up of what a method returns, and not its life.
type Dialer struct {
	Network string      // of the way to the proxy: "tcp" when empty, "tcp4", "tcp6" or "unix"
	Address string      // of the proxy: host:port, or the path of a unix socket
	TLS     *tls.Config // nil for a proxy without TLS; ServerName comes from Address when it is empty

	User, Password string // RFC 1929; no login is offered when User is empty

	UDP     UDPMode      // how datagrams travel to the proxy
	Forward proxy.Dialer // the way to the proxy; nil for this host's network

	Timeout      time.Duration // to reach the proxy and log in: TCP, TLS and SOCKS together; 0 is DefaultTimeout
	ReplyTimeout time.Duration // for the reply to a request; 0 is DefaultReplyTimeout
	BindTimeout  time.Duration // for a peer to connect to what Listen opened; 0 is DefaultBindTimeout

	Log *slog.Logger // what the proxy cannot do is logged at Debug; nil logs nothing

	sessions  sync.Once
	cache     tls.ClientSessionCache // in use when TLS brings none
	noALPN    atomic.Bool            // the proxy ended a handshake over ALPN
	askFirst  atomic.Bool            // the proxy chose another method than foreseen
	streamCmd atomic.Uint32          // the command that carried datagrams, 0 while unknown
	shown     atomic.Bool            // the proxy asked for a certificate and got one
	epoch     atomic.Uint32          // grows when warm connections are dropped
	warm      atomic.Pointer[pool]   // nil: none are kept
}

// The interfaces of golang.org/x/net/proxy are kept.
var (
	_ proxy.Dialer        = (*Dialer)(nil)
	_ proxy.ContextDialer = (*Dialer)(nil)
)

// Dial is [Dialer.DialContext] without a context.
func (d *Dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialContext connects to address through the proxy (RFC 1928, CONNECT).
// network is "tcp", "tcp4" or "tcp6"; address is "host:port" with a port in
// digits. The proxy looks the name up, this host never does.
//
// The conn has, beside the methods of net.Conn, CloseWrite() error, which ends
// one direction; BoundAddr() net.Addr, the address that the target sees; and
// NetConn() net.Conn, the connection to the proxy, from which nothing has been
// read ahead. Its RemoteAddr is the target as it was asked for.
//
// A failure before the proxy has taken the request is a [*ProxyError]. What the
// proxy answers is a [*net.OpError] that errors.Is compares with the errors of
// the system, syscall.ECONNREFUSED for one.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	target, err := parseTarget(network, address)
	if err != nil {
		return nil, &net.OpError{Op: "connect", Net: network, Err: err}
	}
	s, bound, err := d.ask(ctx, socks5.Request{Command: socks5.Connect, Addr: target})
	if err != nil {
		return nil, d.refused("connect", network, netAddr(target), err)
	}
	return &conn{Conn: s.conn, bound: netAddr(s.outside(bound)), remote: netAddr(target)}, nil
}

// Patience returns how long a call may take: for the reply to a request, with
// the way to the proxy before it, and for the peer of a BIND.
func (d *Dialer) Patience() (reply, peer time.Duration) {
	return d.timeout() + d.replyTimeout(), d.bindTimeout()
}

func (d *Dialer) timeout() time.Duration      { return orDefault(d.Timeout, DefaultTimeout) }
func (d *Dialer) replyTimeout() time.Duration { return orDefault(d.ReplyTimeout, DefaultReplyTimeout) }
func (d *Dialer) bindTimeout() time.Duration  { return orDefault(d.BindTimeout, DefaultBindTimeout) }

func orDefault(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}

func (d *Dialer) log() *slog.Logger {
	if d.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return d.Log
}
