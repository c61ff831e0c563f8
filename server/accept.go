package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/socksctl/socksctl/internal/errno"
	"github.com/socksctl/socksctl/internal/relay"
)

// ErrTooMany is the reason of a connection that was closed because the server
// has as many as it may.
var ErrTooMany = errors.New("too many connections")

// errCrowdedOut ends the oldest connection that waits, in favour of a new one.
var errCrowdedOut = fmt.Errorf("%w: gave way to newer ones before it was admitted", ErrTooMany)

// serve is Serve, and ServeTLS when config is not nil.
func (s *Server) serve(l net.Listener, config *tls.Config) error {
	s.init()
	defer l.Close()
	if err := s.MayServe(l.Addr(), config); err != nil {
		return err
	}
	if !s.track(l) {
		return ErrServerClosed
	}
	defer s.untrack(l)
	owners, done := s.crews(config)
	defer done()
	from := &origin{listener: l, name: l.Addr().String(), owners: owners}
	var pause time.Duration
	for {
		c, err := l.Accept()
		if err == nil {
			pause = 0
			s.start(c, from)
			continue
		}
		if s.isClosing() {
			return ErrServerClosed
		}
		if !passes(err) {
			return err
		}
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		s.log.Warn("accept", "listener", l.Addr(), "err", err, "pause", pause)
		select {
		case <-time.After(pause):
		case <-s.stopped:
		}
	}
}

// MayServe returns [ErrOpenProxy] for a listener at addr, with TLS as config says
// or none, that would let anyone in. A Policy with a method KnowsClients() bool
// that returns true lets in some by itself. Serve and ServeTLS ask it themselves.
func (s *Server) MayServe(addr net.Addr, config *tls.Config) error {
	// Without ClientCAs, whoever has a certificate of a public CA would do.
	certificate := config != nil && config.ClientAuth == tls.RequireAndVerifyClientCert && config.ClientCAs != nil
	if len(s.Auth) > 0 || certificate || s.Balancers.private(addr) || s.knowsClients() {
		return nil
	}
	return ErrOpenProxy
}

// knowsClients tells whether the Policy says that it keeps strangers out itself.
func (s *Server) knowsClients() bool {
	policy, ok := s.Policy.(interface{ KnowsClients() bool })
	return ok && policy.KnowsClients()
}

// isPrivate tells whether only this host's own users can reach addr.
func isPrivate(addr net.Addr) bool {
	switch addr := addr.(type) {
	case *net.TCPAddr:
		return addr.IP.IsLoopback()
	case *net.UnixAddr:
		return true
	}
	return false
}

// passes tells whether accept may succeed again after err: descriptors or
// memory have run out, or the client has gone already.
func passes(err error) bool {
	return errno.Is(err, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.ECONNRESET)
}

// origin is where connections come from, for the goroutine that accepts them.
type origin struct {
	listener net.Listener
	name     string // its address
	owners   *crew
	known    bool // one connection was asked:
	ready    bool // it had the options that all are to have
}

// hasKeepAlive tells whether c came with the options that all are to have. Those of
// one socket come with the same.
func (o *origin) hasKeepAlive(c net.Conn) bool {
	if o.known {
		return o.ready
	}
	ready := relay.HasKeepAlive(c, relay.KeepAliveConfig{})
	if _, one := o.listener.(*net.TCPListener); one {
		o.known, o.ready = true, ready
	}
	return ready
}

// start makes a session of an accepted connection, and has it owned.
func (s *Server) start(raw net.Conn, from *origin) {
	ctx, cancel := context.WithCancelCause(context.Background())
	session := &Session{
		ID: s.lastID.Add(1), Start: time.Now(), Client: raw.RemoteAddr(), Listener: from.name,
		server: s, raw: raw, local: raw.LocalAddr(), epoch: s.epoch.Load(),
	}
	session.life.begin(func(reason error) {
		cancel(reason)
		go relay.Abort(raw) // ends at once, but for conns that wait when they are closed
	})
	c := &conn{Session: session, ctx: context.WithValue(ctx, sessionKey{}, session), cancel: cancel, peer: raw, since: session.Start}
	if !s.register(session) {
		relay.Abort(raw)
		return
	}
	if err := s.receive(session); err != nil {
		session.End(err)
		c.finish(err)
		return
	}
	if oldest := s.waiting.add(session, s.inForce().Handshakes); oldest != nil {
		s.crowdOut(oldest)
	}
	_ = raw.SetDeadline(session.Start.Add(s.inForce().Handshake)) // one that cannot be set fails its first read
	session.hurryIfClosing()
	if !from.hasKeepAlive(raw) {
		_ = relay.KeepAlive(raw, relay.KeepAliveConfig{})
	}
	from.owners.take(c)
}

// receive says whether a new connection may stay. Who is at the other end of one
// from a balancer is not known yet, and another goroutine's to wait for.
func (s *Server) receive(session *Session) error {
	if !s.Balancers.trust(session.Client) {
		if err := s.meet(session); err != nil {
			return err
		}
	}
	return s.makeRoom()
}

// meet says whether a client with this address may stay.
func (s *Server) meet(session *Session) error {
	if !isPrivate(session.Client) && s.guesses.locked(guesserOf(session, "")) {
		s.logins.add("", errLocked)
		return errLocked
	}
	return s.crowds.enter(session, s.inForce().ConnsPerIP)
}

// giveBack frees what a session took of what others may have.
func (s *Server) giveBack(session *Session) {
	s.waiting.remove(session)
	s.warm.remove(session)
	s.crowds.leave(session)
	s.accounts.leave(session)
}

// isClosing tells whether nothing more is accepted. It takes no lock: every
// connection asks.
func (s *Server) isClosing() bool {
	select {
	case <-s.stopped:
		return true
	default:
		return false
	}
}

// track remembers l, for Close to close and for the guard to know.
func (s *Server) track(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosing() {
		return false
	}
	s.running.Add(1) // before those of its sessions: what Shutdown waits for is not over while one may begin
	s.listeners[l] = struct{}{}
	s.ownTCP.add(addrPort(l.Addr()))
	return true
}

func (s *Server) untrack(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.running.Done()
	delete(s.listeners, l)
	s.ownTCP.remove(addrPort(l.Addr()))
}

// addrPort returns the IP and port of a TCP or UDP address, IPv4 as such, and
// the zero AddrPort for any other.
func addrPort(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.TCPAddr:
		ap = a.AddrPort()
	case *net.UDPAddr:
		ap = a.AddrPort()
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
