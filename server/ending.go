package server

import (
	"errors"
	"io"
	"syscall"

	"github.com/socksctl/socksctl/internal/errno"
	"github.com/socksctl/socksctl/internal/relay"
)

// EndReason is why a session ended, in a word that can label a counter.
type EndReason string

// Every session ends for one of these.
const (
	EndOK         EndReason = "ok"         // both sides closed in order
	EndDenied     EndReason = "denied"     // by rule or Gate
	EndQuota      EndReason = "quota"      // its user has as much as there may be
	EndLogin      EndReason = "login"      // it was refused
	EndLimit      EndReason = "limit"      // there were too many, or it gave way to others
	EndTLS        EndReason = "tls"        // the handshake failed
	EndUnasked    EndReason = "unasked"    // it hung up and had sent nothing of a request: a check, of a certificate authority's too, a warm connection that was not needed
	EndIncomplete EndReason = "incomplete" // it hung up, talked nonsense or took too long before it had asked for anything
	EndFailed     EndReason = "failed"     // what it asked for could not be had: Refusal tells
	EndIdle       EndReason = "idle"       // nothing moved for too long
	EndAborted    EndReason = "aborted"    // one side broke off
	EndShutdown   EndReason = "shutdown"   // of the server
	EndKilled     EndReason = "killed"     // by End, for a reason that is none of the others
)

// ErrKilled is the reason to give to [Session.End] for a session that an
// operator ends.
var ErrKilled = errors.New("ended by an operator")

// EndReason returns why the session ended; it means something once that has.
func (s *Session) EndReason() EndReason {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.endReason
}

// Refusal returns the REP code by which the request was refused (RFC 1928,
// section 6), and 0 when it was not.
func (s *Session) Refusal() byte { return byte(s.refusal.Load()) }

// Refused tells whether the session was turned away before it came to anything.
func (s *Session) Refused() bool {
	switch s.EndReason() {
	case EndDenied, EndQuota, EndLogin, EndLimit, EndTLS:
		return s.Stage() < StageRelay
	case EndFailed:
		return s.Stage() < StageDial
	}
	return false
}

// reasonOf sorts err, that c ended with, or was ended for by End.
func (c *conn) reasonOf(err error, byEnd bool) EndReason {
	switch {
	case errors.Is(err, ErrServerClosed):
		return EndShutdown
	case errors.Is(err, ErrTooMany):
		return EndLimit
	case errors.Is(err, ErrLogin):
		return EndLogin
	case errors.Is(err, ErrQuota): // is ErrDenied too
		return EndQuota
	case errors.Is(err, ErrDenied):
		return EndDenied
	case errors.Is(err, errChallenge):
		return EndUnasked
	case byEnd:
		return EndKilled
	}
	return c.reasonAt(c.Stage(), err)
}

// reasonAt sorts err by how far c had come.
func (c *conn) reasonAt(stage Stage, err error) EndReason {
	switch {
	case err == nil:
		return EndOK
	case stage == StageTLS && c.heard:
		return EndTLS
	case stage <= StageRequest && stage != StageLogin && hungUp(err):
		return EndUnasked
	case errors.Is(err, errHeader):
		return EndIncomplete
	case stage == StageAccept:
		return EndDenied
	case stage == StageTLS:
		return EndTLS
	case c.Refusal() != 0:
		return EndFailed
	case stage <= StageRequest:
		return EndIncomplete
	case errors.Is(err, relay.ErrIdle):
		return EndIdle
	}
	return EndAborted
}

// hungUp tells whether a client that had nothing to say has gone, in order or not:
// balancers end their checks by RST.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, relay.ErrTruncated) || errno.Is(err, syscall.ECONNRESET)
}
