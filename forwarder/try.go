package forwarder

import (
	"context"
	"net"
	"syscall"
	"time"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/errno"
)

// leastShare is what a server gets of the time at least, to be reached and
// logged in to.
const leastShare = 2 * time.Second

// DialContext connects to address through one of the servers. The conn is as
// that of [client.Dialer.DialContext].
func (s *Servers) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, m, err := try(ctx, s, func(ctx context.Context, d *client.Dialer) (net.Conn, error) {
		return d.DialContext(ctx, network, address)
	})
	if err != nil {
		return nil, err
	}
	return &conn{c, m.opened()}, nil
}

// Listen opens a port for BIND on one of the servers, which serves it to its end.
func (s *Servers) Listen(ctx context.Context, network, peer string) (net.Listener, error) {
	l, m, err := try(ctx, s, func(ctx context.Context, d *client.Dialer) (net.Listener, error) {
		return d.Listen(ctx, network, peer)
	})
	if err != nil {
		return nil, err
	}
	return &listener{l, m, m.opened()}, nil
}

// ListenPacket opens an association with one of the servers, which carries all
// its datagrams.
func (s *Servers) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	pc, m, err := try(ctx, s, func(ctx context.Context, d *client.Dialer) (net.PacketConn, error) {
		return d.ListenPacket(ctx, network, address)
	})
	if err != nil {
		return nil, err
	}
	return m.packetConn(pc), nil
}

// try makes one request to the servers in turn, until one has answered it, none
// is left, or the time to reach one is over.
func try[T any](ctx context.Context, s *Servers, ask func(context.Context, *client.Dialer) (T, error)) (v T, m *member, err error) {
	s.found(ctx)
	members, up := s.order()
	if len(members) == 0 {
		return v, nil, s.nobody()
	}
	by := time.Now().Add(reach(members))
	for i, m := range members {
		left := time.Until(by)
		if i > 0 && left <= 0 {
			break
		}
		others := len(members) - i
		if i < up { // one that is down need not be left any time
			others = up - i
		}
		began, reached := time.Now(), false
		v, err = ask(client.WithAttempt(ctx, client.Attempt{
			By:      began.Add(max(left/time.Duration(others), min(leastShare, left))),
			Reached: func(took time.Duration) { reached = true; s.measured(m, took) },
		}), m.dialer)
		if reached && answered(err) {
			s.works(m, began)
		}
		if !s.judge(ctx, m, err) {
			return v, m, err
		}
	}
	return v, nil, err
}

// reach returns the time that it may take to reach one of the servers.
func reach(members []*member) (longest time.Duration) {
	for _, m := range members {
		longest = max(longest, orDefault(m.dialer.Timeout, client.DefaultTimeout))
	}
	return longest
}

// answered tells whether err is not about the server itself.
func answered(err error) bool {
	_, fault := err.(*client.ProxyError) //nolint:errorlint // only err itself: what wraps one has been answered
	return !fault
}

// judge learns of m from how a request to it failed, and tells whether the next
// server may be asked.
func (s *Servers) judge(ctx context.Context, m *member, err error) (goOn bool) {
	fault, ok := err.(*client.ProxyError) //nolint:errorlint // as in answered
	if !ok {
		return false
	}
	if ctx.Err() != nil || isShortage(err) {
		return false
	}
	switch fault.Op {
	case "dial", "tls", "login":
		s.fails(m, err)
		return true
	}
	return fault.Op == "request" // it hung up, and there was no answer
}

// isShortage tells whether it is this host that lacks something.
func isShortage(err error) bool {
	return errno.Is(err, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM)
}
