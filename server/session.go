package server

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/socksctl/socksctl/internal/carrier"
)

// Session is one connection that a server accepted, from then until its
// sockets are closed. The plain fields are written before Observer.Opened and
// not after; what changes later is behind methods, which are safe to call from
// any goroutine at any time.
type Session struct {
	ID       uint64               // unique in the process
	Start    time.Time            // when it was accepted, or when the request began for which it was held warm
	Client   net.Addr             // whom it was accepted from, or who that connected for
	Via      net.Addr             // the balancer that it was accepted from, which named Client; nil when there is none between
	Listener string               // the address of the listener, as it was announced
	TLS      *tls.ConnectionState // nil on a plain listener, and until the handshake is done
	Tried    string               // the name that a login was tried with, right or wrong
	Identity Identity
	Command  string // "connect", "bind" or "udp"; empty until the request is read
	Host     string // as the client asked for it: a name or an address
	Port     uint16

	BytesUp, BytesDown         atomic.Int64 // from and to the client, payload only
	DatagramsUp, DatagramsDown atomic.Int64
	drops                      [carrier.NumDrops]atomic.Int64
	stage                      atomic.Uint32
	refusal                    atomic.Uint32
	active                     atomic.Int64            // the time of the last traffic, in nanoseconds since 1970
	remotes                    atomic.Pointer[remotes] // of an association
	server                     *Server
	raw                        net.Conn // the client's connection, as it was accepted
	local                      net.Addr // our end of the client's connection
	life                       life
	place                      place                   // in a queue, until it is admitted
	epoch                      uint64                  // of the rules, when it was accepted
	asked                      atomic.Pointer[Target]  // what Policy was asked at StageRequest
	held                       atomic.Pointer[holding] // what it takes of its user's quotas; nil: of none
	counted                    bool                    // in accounts, whose lock guards it
	crowd                      netip.Addr              // whom it counts as, by address
	leaving                    bool                    // it gives way; Server.mu guards it

	mu       sync.Mutex
	resolved netip.AddrPort
	bound    net.Addr
	rule     string
	end      time.Time
	err      error

	endReason EndReason
}

type sessionKey struct{}

// SessionFrom returns the session that ctx belongs to, and nil if there is none.
func SessionFrom(ctx context.Context) *Session {
	s, _ := ctx.Value(sessionKey{}).(*Session)
	return s
}

// Stage returns how far the session has come.
func (s *Session) Stage() Stage { return Stage(s.stage.Load()) }

// End ends the session: both its sockets are closed at once, and reason is its
// Err. It does not wait. Only the first reason counts.
func (s *Session) End(reason error) { s.life.end(reason) }

// Err returns why the session ended, and nil when it has not or when both sides
// closed in order.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Closed returns when the session ended, and the zero Time before that.
func (s *Session) Closed() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end
}

// Active returns when bytes or datagrams moved last, and Start when none did.
func (s *Session) Active() time.Time {
	if last := s.active.Load(); last != 0 {
		return time.Unix(0, last)
	}
	return s.Start
}

// Node returns the name of the server, as Server.Node has it.
func (s *Session) Node() string {
	if s.server == nil { // a session that no server made
		return ""
	}
	return s.server.Node
}

// Resolved returns the address that was dialled or that connected, and the zero
// AddrPort when there is none or another server chose it.
func (s *Session) Resolved() netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.resolved
}

// Bound returns the address on the far side that the session uses: the local
// end of the dialled connection, the BIND listener. It is nil until there is one.
func (s *Session) Bound() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bound
}

// Rule returns the name of the rule that decided last, as the policy set it.
func (s *Session) Rule() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rule
}

// SetRule is for a [Policy]: it records the rule that decided.
func (s *Session) SetRule(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rule = name
}

// Dropped returns how many datagrams were dropped, by reason, leaving out the
// reasons that did not occur. It is nil when none did.
func (s *Session) Dropped() map[string]int64 {
	var dropped map[string]int64
	for d := range carrier.NumDrops {
		if n := s.drops[d].Load(); n > 0 {
			if dropped == nil {
				dropped = make(map[string]int64)
			}
			dropped[d.String()] = n
		}
	}
	return dropped
}

// drop is the carrier.DropFunc of the session.
func (s *Session) drop(d carrier.Drop) { s.drops[d].Add(1) }

func (s *Session) setResolved(ap netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resolved = ap
}

func (s *Session) setBound(a net.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bound = a
}

// finish freezes the record.
func (s *Session) finish(now time.Time, err error, reason EndReason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end, s.err, s.endReason = now, err, reason
}
