package main

import (
	"context"
	"net"

	"github.com/socksctl/socksctl/internal/inherit"
	"github.com/socksctl/socksctl/server"
)

// The kinds of listeners that a service has, as other processes know them.
const (
	plainKind = "plain"
	tlsKind   = "tls"
	adminKind = "admin"
)

// openings is the listeners of a service, those that it opened and those that
// others did.
type openings struct {
	from    *inherit.Set // what others opened
	private bool         // clients may reach loopback and private networks, because somebody said so
	all     []inherit.Listener
}

// opener returns a server.Listen for listeners of a kind, which takes what another
// process has opened before it opens one.
func (o *openings) opener(kind string) func(context.Context, string) (net.Listener, error) {
	return func(ctx context.Context, address string) (net.Listener, error) {
		l, found := o.from.Take(kind, address)
		if !found {
			var err error
			if l.Listener, err = server.Listen(ctx, address); err != nil {
				return nil, err
			}
		}
		l.Kind, l.Asked = kind, address
		o.all = append(o.all, l)
		return l.Listener, nil
	}
}

// passed returns what systemd passed of a kind and the configuration does not
// name.
func (o *openings) passed(kind string) (listeners []net.Listener) {
	for _, l := range o.from.Passed(kind) {
		o.all = append(o.all, l)
		listeners = append(listeners, l.Listener)
	}
	return listeners
}

// distant is the address of a listener that others than this host's users may
// reach, whatever it looks like.
type distant struct{ net.Addr }

// reach returns the address of l as it tells from where it can be reached. What is
// before a socket of systemd's is not known: only whoever says that clients may
// reach private networks has a loopback address there count as that.
func (o *openings) reach(l net.Listener) net.Addr {
	tcp, isTCP := l.Addr().(*net.TCPAddr)
	for _, opened := range o.all {
		if opened.Listener == l && opened.Passed && (!isTCP || !tcp.IP.IsLoopback() || !o.private) {
			return distant{l.Addr()}
		}
	}
	return l.Addr()
}
