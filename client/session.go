package client

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/internal/relay"
	"github.com/socksctl/socksctl/internal/socks5"
)

// session is a connection to the proxy up to the reply. To reach it, to log in
// and to ask are three steps: it can wait between any two of them.
type session struct {
	d        *Dialer
	raw      net.Conn // what a cancel closes
	conn     net.Conn // what SOCKS is spoken on: raw, or TLS over it
	in       exactReader
	known    bool      // the proxy takes one flight
	loggedIn bool      // greeting and login are done
	password bool      // and they proved who this is
	epoch    uint32    // of the Dialer, when it began
	deadline time.Time // for reaching the proxy and logging in
}

// ask opens a session and makes req. The conn of the session it returns stands
// right behind the reply, and is the caller's.
func (d *Dialer) ask(ctx context.Context, req socks5.Request) (*session, socks5.Addr, error) {
	s, bound, err := d.askOnce(ctx, req)
	if errors.Is(err, errUnforeseen) {
		d.askFirst.Store(true)
		return d.askOnce(ctx, req)
	}
	return s, bound, err
}

// askOnce makes req on a warm connection if there is one. When that ends before
// the proxy has answered, the request is made on another, which is new.
func (d *Dialer) askOnce(ctx context.Context, req socks5.Request) (*session, socks5.Addr, error) {
	if s := d.warm.Load().take(ctx); s != nil {
		bound, err := s.askWarm(ctx, req)
		if ctx.Err() != nil || !unanswered(err) {
			return s.askedFor(bound, err)
		}
		s.raw.Close()
		d.log().DebugContext(ctx, "a warm connection ended, asking on a new one", "proxy", d.URL(), "err", err)
	}
	s, err := d.open(ctx)
	if err != nil {
		return nil, socks5.Addr{}, err
	}
	bound, err := s.request(ctx, req)
	if s.loggedIn {
		d.warm.Load().learn(s)
	}
	return s.askedFor(bound, err)
}

// askedFor returns what ask does, and closes a session that there is no use for.
func (s *session) askedFor(bound socks5.Addr, err error) (*session, socks5.Addr, error) {
	if err != nil {
		s.conn.Close()
		return nil, socks5.Addr{}, err
	}
	return s, bound, nil
}

// askWarm makes req on a session that was warm. Should the way to the proxy be
// gone, that is found out sooner than on others.
func (s *session) askWarm(ctx context.Context, req socks5.Request) (socks5.Addr, error) {
	_ = relay.SetUnacked(s.raw, deaf) // not every conn has a socket to set this on
	bound, err := s.request(ctx, req)
	if err == nil {
		_ = relay.SetUnacked(s.raw, 0)
	}
	return bound, err
}

// unanswered tells whether err is that the connection ended before the reply.
func unanswered(err error) bool {
	fault, ok := err.(*ProxyError) //nolint:errorlint // only err itself: what wraps one has been answered
	return ok && fault.Op == "request" && !errors.Is(err, socks5.ErrVersion) && !errors.Is(err, socks5.ErrAddressType)
}

// connect reaches the proxy for a session that can log in.
func (d *Dialer) connect(ctx context.Context) (*session, error) {
	if err := d.checkLogin(); err != nil {
		return nil, d.fault("login", err)
	}
	return d.reach(ctx, d.deadline(ctx))
}

// open reaches the proxy, and logs in unless that can go with the request.
func (d *Dialer) open(ctx context.Context) (*session, error) {
	s, err := d.connect(ctx)
	if err != nil || s.known && !d.askFirst.Load() {
		return s, err
	}
	return s.ready(ctx)
}

// ready returns s once it is logged in.
func (s *session) ready(ctx context.Context) (*session, error) {
	if err := s.login(ctx); err != nil {
		s.conn.Close()
		return nil, err
	}
	return s, nil
}

// request sends req, in one flight with greeting and login when those are still
// to be done, and reads the reply.
func (s *session) request(ctx context.Context, req socks5.Request) (socks5.Addr, error) {
	if s.loggedIn {
		if err := s.exchange(ctx, socks5.AppendRequest(nil, req), nil); err != nil {
			return socks5.Addr{}, s.d.fault("request", err)
		}
	} else if err := s.loginWith(ctx, req); err != nil {
		return socks5.Addr{}, s.d.fault("login", certs.Explain(err))
	}
	return s.reply(ctx, s.d.replyTimeout())
}

// reply reads one reply; BIND has two. What it returns is the code that the
// proxy answered, a timeout, the end of ctx, or a ProxyError.
func (s *session) reply(ctx context.Context, timeout time.Duration) (bound socks5.Addr, err error) {
	s.in.expect(certainReply)
	err = bounded(ctx, time.Now().Add(timeout), s.raw, func(context.Context) error {
		bound, err = socks5.ReadReply(&s.in)
		return err
	})
	var code socks5.Reply
	switch {
	case err == nil, ctx.Err() != nil, errors.Is(err, errTimeout):
		return bound, err
	case errors.As(err, &code) && !errors.Is(err, socks5.ErrAddressType):
		return bound, assigned(code)
	}
	return bound, s.d.fault("request", certs.Explain(err))
}

// exchange writes b and lets read read, both before the deadline.
func (s *session) exchange(ctx context.Context, b []byte, read func() error) error {
	return bounded(ctx, s.deadline, s.raw, func(context.Context) error {
		if err := s.write(b); err != nil || read == nil {
			return err
		}
		return read()
	})
}

// write writes b. When the proxy has ended TLS with an alert, the write may fail
// before it is read, and it is the alert that says why.
func (s *session) write(b []byte) error {
	_, err := s.conn.Write(b)
	if err == nil || s.conn == s.raw {
		return err
	}
	var one [1]byte
	_, rerr := s.conn.Read(one[:])
	if _, ok := certs.Alert(rerr); ok {
		return rerr
	}
	return err
}

// patient tells whether the proxy waits for a request on s for longer than for a
// login: it is one of ours, and knows who this is.
func (s *session) patient() bool { return s.known && (s.password || s.d.shown.Load()) }

// outside returns addr as others reach it: a server that names no address means
// the one that it was reached at.
func (s *session) outside(addr socks5.Addr) socks5.Addr {
	if addr.IsName() || addr.IP.IsValid() && !addr.IP.IsUnspecified() {
		return addr
	}
	at := socks5.AddrOf(s.raw.RemoteAddr())
	if at == (socks5.Addr{}) || at.IP.IsValid() && at.IP.IsUnspecified() {
		at.IP = netip.AddrFrom4([4]byte{127, 0, 0, 1}) // a unix socket
	}
	at.Port = addr.Port
	return at
}
