package server

import (
	"context"
	"fmt"
	"io/fs"
	"net/netip"
)

// Stage names a point on the way of a session: how far it came
// ([Session.Stage]), and what a [Policy] is asked about ([Target]).
type Stage uint8

// The stages in their order. A Policy is asked at StageRequest, StageDial,
// StagePeer, StageDatagram and StageAnswer.
const (
	StageAccept   Stage = iota // accepted, nothing read
	StageTLS                   // in the TLS handshake
	StageGreeting              // waiting for the greeting
	StageLogin                 // in the login
	StageRequest               // the request: its host as asked for
	StageDial                  // an address about to be dialled
	StagePeer                  // an address that connected to a BIND listener
	StageDatagram              // where a datagram is to go
	StageAnswer                // whom a datagram comes from
	StageRelay                 // open: bytes or datagrams move
)

// String returns the stage as logs and records have it.
func (s Stage) String() string {
	names := [...]string{"accept", "tls", "greeting", "login", "request", "dial", "peer", "datagram", "answer", "relay"}
	if int(s) < len(names) {
		return names[s]
	}
	return "unknown"
}

// Target is what a [Policy] is asked about.
type Target struct {
	Stage Stage
	Host  string         // the name that the client asked for; empty when it asked for an address
	Addr  netip.AddrPort // has a port but no address while Host is unresolved
}

// Port returns the port of t, which is known at every stage.
func (t Target) Port() uint16 { return t.Addr.Port() }

// Policy says what a session may do. Allow is called from many goroutines, and
// for every datagram: it must be safe for that, and quick. An error refuses; the
// client sees REP 02, never the text.
type Policy interface {
	Allow(ctx context.Context, s *Session, t Target) error
}

// PolicyFunc is a function that is a [Policy].
type PolicyFunc func(ctx context.Context, s *Session, t Target) error

// Allow calls f.
func (f PolicyFunc) Allow(ctx context.Context, s *Session, t Target) error { return f(ctx, s, t) }

// ErrDenied is what every refusal by policy wraps. It is fs.ErrPermission to
// errors.Is, and so REP 02.
var ErrDenied = fmt.Errorf("denied by rule: %w", fs.ErrPermission)
