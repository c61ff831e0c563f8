// Package forwarder is the local end of an encrypted proxy: a plain SOCKS5
// server for programs that know no other, whose way out is a SOCKS5 server
// behind TLS. It is a [server.Server] whose Outbound is a [client.Dialer], so
// that CONNECT, BIND and UDP ASSOCIATE, their replies and their records are
// those of the server.
//
//	d, err := client.ParseURL("socks5+tls://proxy.example.com")
//	listeners, err := forwarder.Listen(ctx, ":1080")
//	f := forwarder.New(d)
//	err = f.Serve(listeners[0])
//
// With several servers behind it, [Servers] stands for the Dialer: it chooses
// one for each request, and goes by those that do not work. [SRV] takes them
// from DNS.
package forwarder

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/errno"
	"github.com/socksctl/socksctl/server"
)

// Upstream is a way out through SOCKS servers.
type Upstream interface {
	server.Outbound
	// Patience returns how long a request may take until a server has answered
	// it, and a BIND until its peer has come.
	Patience() (reply, peer time.Duration)
}

var (
	_ server.Outbound = (*client.Dialer)(nil)
	_ Upstream        = (*client.Dialer)(nil)
	_ Upstream        = (*Servers)(nil)
)

// slack is by how much the forwarder waits longer than its Upstream, and that
// longer than the server, so that the reply of the far end is the one that
// counts.
const slack = 5 * time.Second

// New returns a server that carries everything out through u, a *[client.Dialer]
// or [Servers]. Its Limits leave u the time it needs; the logins of its Auth are
// the apps' and have nothing to do with those of u.
func New(u Upstream) *server.Server {
	reply, peer := u.Patience()
	return &server.Server{
		Outbound: u,
		Limits:   server.Limits{Connect: reply + slack, BindWait: peer + slack},
	}
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}

// Listen opens what apps connect to: ":1080" is port 1080 of 127.0.0.1 and, on a
// host that has it, of ::1; anything else is as [server.Listen] takes it. The
// caller closes the listeners.
func Listen(ctx context.Context, address string) ([]net.Listener, error) {
	return ListenBy(ctx, address, server.Listen)
}

// ListenBy is Listen with each listener opened by open.
func ListenBy(ctx context.Context, address string, open func(context.Context, string) (net.Listener, error)) ([]net.Listener, error) {
	if !strings.HasPrefix(address, ":") {
		l, err := open(ctx, address)
		if err != nil {
			return nil, err
		}
		return []net.Listener{l}, nil
	}
	four, err := open(ctx, "127.0.0.1"+address)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(four.Addr().String())
	if err != nil {
		return nil, errors.Join(err, four.Close())
	}
	six, err := open(ctx, net.JoinHostPort("::1", port))
	if errno.Is(err, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT) {
		return []net.Listener{four}, nil
	}
	if err != nil {
		return nil, errors.Join(err, four.Close())
	}
	return []net.Listener{four, six}, nil
}
