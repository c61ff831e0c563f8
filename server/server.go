package server

import (
	"context"
	"crypto/tls"
	"errors"
	"iter"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/socksctl/socksctl/internal/socks5"
)

// ErrServerClosed is what Serve and ServeTLS return after Shutdown or Close,
// and the reason of the sessions that Close ends.
var ErrServerClosed = errors.New("server closed")

// ErrOpenProxy is what Serve and ServeTLS return rather than let anyone in: the
// listener is not on loopback, no login is configured, no client certificate is
// required, and the Policy does not know its clients.
var ErrOpenProxy = errors.New("refusing to be an open proxy: no login, no required client certificate and no client rule beyond loopback")

// Server accepts SOCKS5 connections (RFC 1928) and carries out what they ask for
// through an [Outbound]. Its fields are set before the first Serve and not
// changed after. The zero Server serves this host's network to loopback.
type Server struct {
	TLS      *tls.Config     // for ServeTLS
	Auth     []Authenticator // in order of preference; nil: loopback, required client certificates or clients that Policy knows
	Policy   Policy          // nil allows
	Outbound Outbound        // nil is &Direct{}
	Observer Observer        // nil observes nothing
	Log      *slog.Logger    // nil logs nothing
	Limits   Limits
	Node     string // names this server in records, where several write them to one place

	Commands   Commands   // that are carried out; 0 is all
	Advertise  netip.Addr // in replies to UDP ASSOCIATE, in place of our end of the control connection
	Ports      PortRange  // of UDP relays
	UDPRoaming bool       // lets a client change the port it sends datagrams from
	Balancers  Balancers  // in front of this server; nobody by default

	// Gate is asked first of all, on the session's own goroutine and before a
	// byte is read, but for the header of a balancer; conn is as it was accepted
	// (s.Via tells from whom) and is not to be read, written or closed. An error
	// ends the session without a byte. Nil lets everyone in.
	Gate func(s *Session, conn net.Conn) error
	// GateDatagram is Gate for an association: it is asked on its first datagram,
	// and on the first from each port that its client moves to. The datagram came
	// from the address from to the relay port at; an error drops it. Nil lets
	// every port of the client's address in.
	GateDatagram func(s *Session, from, at netip.AddrPort) error
	// Admit is asked last, on the session's own goroutine, when login, rules and
	// quotas have let a request in. An error refuses it, with REP 01. Nil lets all
	// in.
	Admit func(*Session) error
	// Revalidate is asked by Rejudge of each session that has logged in, from any
	// goroutine. An error ends the session. Nil: who has proved it once, has.
	Revalidate func(*Session) error

	setUp    sync.Once
	limits   atomic.Pointer[Limits] // in force, with the defaults filled in
	outbound Outbound
	log      *slog.Logger
	ownTCP   *ports // of the listeners
	ownUDP   *ports // of the UDP relays
	lastID   atomic.Uint64
	epoch    atomic.Uint64  // of the rules: how often Rejudge was called
	waiting  queue          // not yet admitted
	warm     warmQueues     // proven, holding their request back
	crowds   crowds         // connections by address
	accounts accounts       // what users take
	guesses  guesses        // failed logins
	logins   logins         // how many, by their end
	judged   decisions      // how often, by what came of it
	stages   StageObserver  // the Observer, if it is one
	running  sync.WaitGroup // sessions, and the loops that accept them
	stopped  chan struct{}  // closed by Shutdown and Close: nothing more is accepted

	leaving chan struct{} // one for each session that gives way and is not over

	mu        sync.Mutex
	closed    bool // no connection is let in any more
	listeners map[net.Listener]struct{}
	sessions  map[uint64]*Session
	thirds    int // sessions with a third descriptor
}

// Commands is a set of commands.
type Commands uint8

// The commands of RFC 1928, section 4. CommandUDP includes the private commands
// that carry datagrams on the control connection.
const (
	CommandConnect Commands = 1 << iota
	CommandBind
	CommandUDP
)

// has tells whether c allows a command; the empty set allows all.
func (c Commands) has(cmd socks5.Command) bool {
	if c == 0 {
		return cmd.Known()
	}
	switch cmd {
	case socks5.Connect:
		return c&CommandConnect != 0
	case socks5.Bind:
		return c&CommandBind != 0
	case socks5.Associate, socks5.FwdUDP, socks5.UDPTun:
		return c&CommandUDP != 0
	}
	return false
}

func (s *Server) init() {
	s.setUp.Do(func() {
		limits := s.Limits.withDefaults()
		s.limits.Store(&limits)
		s.outbound = s.Outbound
		if s.outbound == nil {
			s.outbound = &Direct{}
		}
		s.log = s.Log
		if s.log == nil {
			s.log = slog.New(slog.DiscardHandler)
		}
		s.stages, _ = s.Observer.(StageObserver)
		s.ownTCP, s.ownUDP = new(ports), new(ports)
		s.stopped = make(chan struct{})
		s.leaving = make(chan struct{}, overshoot)
		s.listeners = make(map[net.Listener]struct{})
		s.sessions = make(map[uint64]*Session)
	})
}

// Serve accepts plain SOCKS connections on l until Shutdown or Close, and then
// returns [ErrServerClosed]. It closes l. It may run for any number of
// listeners at once.
func (s *Server) Serve(l net.Listener) error { return s.serve(l, nil) }

// ServeTLS is Serve for SOCKS inside TLS, as s.TLS says.
func (s *Server) ServeTLS(l net.Listener) error {
	if s.TLS == nil {
		l.Close()
		return errors.New("ServeTLS: the server has no TLS configuration")
	}
	return s.serve(l, s.TLS)
}

// Shutdown stops accepting, and waits until all connections that were accepted
// have ended or ctx has: then it returns ctx's error, and Close ends what is left.
// Those that have not asked for anything yet still may, in the time that they had
// for it, if they do not stay silent for long; warm ones have a moment.
func (s *Server) Shutdown(ctx context.Context) error {
	s.init()
	_ = s.stop()
	s.waiting.each((*Session).hurry)
	last := time.AfterFunc(farewell, s.dismiss)
	defer last.Stop()
	done := make(chan struct{})
	go func() { // ends with the last session: Close ends those that ctx did not wait for
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// dismiss ends the warm connections.
func (s *Server) dismiss() {
	for session := s.warm.oldest(); session != nil; session = s.warm.oldest() {
		session.End(ErrServerClosed)
	}
}

// Close stops accepting, ends every session with [ErrServerClosed], and returns
// when all their sockets are closed.
func (s *Server) Close() error {
	s.init()
	err := s.stop()
	s.refuse()
	for _, session := range s.all() {
		session.End(ErrServerClosed)
	}
	s.running.Wait()
	return err
}

// refuse lets no connection in any more, such as one that was being accepted when
// the listeners were closed.
func (s *Server) refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// stop closes the listeners, once.
func (s *Server) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosing() {
		return nil
	}
	close(s.stopped)
	var errs []error
	for l := range s.listeners {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// Sessions returns the admitted sessions that are running at the moment of the
// call, in no particular order.
func (s *Server) Sessions() iter.Seq[*Session] {
	return func(yield func(*Session) bool) {
		s.init()
		for _, session := range s.all() {
			if session.Stage() > StageRequest && !yield(session) {
				return
			}
		}
	}
}

// all returns every session, admitted or not.
func (s *Server) all() []*Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.sessions))
}
