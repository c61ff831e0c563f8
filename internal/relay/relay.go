// Package relay joins two connections and moves bytes both ways until both
// sides have ended. A [Tunnel] is the joint; [NewRaw] makes the conn that goes
// under a tls.Conn, so that an end without close_notify is noticed and records
// travel many to a system call; [Abort], [CloseWrite] and [CloseDrained] are
// the three ways to end a conn, whatever it is wrapped in.
//
// A conn may be wrapped. One that only adds addresses or the like has a method
// RelayConn() net.Conn: the relay moves bytes on what that returns, all the way
// down. Any other wrapper is read and written as it is. NetConn() net.Conn, as
// *tls.Conn has it, is used to reach the socket for closing and for options,
// never for data.
package relay

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// ErrIdle tells that no byte went either way for the idle timeout.
var ErrIdle = errors.New("idle timeout")

// ErrTruncated tells that a TLS peer ended its stream without close_notify.
var ErrTruncated = errors.New("connection ended without close_notify")

// Tunnel is two connections to be joined, and how.
type Tunnel struct {
	Client net.Conn
	Target net.Conn
	Early  []byte        // already read from Client; goes to Target first
	Idle   time.Duration // without a byte either way; 0 is for ever
	Up     *atomic.Int64 // counts bytes from Client to Target, as they go; may be nil
	Down   *atomic.Int64 // counts bytes from Target to Client, as they go; may be nil
	Active *atomic.Int64 // is set to the time of the last bytes, in nanoseconds since 1970; may be nil

	ShapeUp   Shaper // slows the bytes from Client to Target down; nil: no limit
	ShapeDown Shaper // slows the bytes from Target to Client down; nil: no limit

	rest time.Duration // in place of restAfter; never, when it is negative
}

// Error tells which operation on which side ended a tunnel.
type Error struct {
	Side string // "client" or "target"
	Op   string // "read", "write" or "close write"
	Err  error
}

// Error returns the side, the operation and what happened.
func (e *Error) Error() string { return e.Side + ": " + e.Op + ": " + e.Err.Error() }

// Unwrap returns what happened.
func (e *Error) Unwrap() error { return e.Err }

// Run moves bytes both ways and returns when both directions have ended and
// both conns are closed. The end of one direction is handed on as a half-close,
// and the other goes on for as long as it likes: nil tells that both ended so.
//
// A read or write that fails ends both directions: what its side had sent
// before is delivered, then both conns are aborted, and the [*Error] is
// returned. The end of ctx aborts both at once and returns context.Cause(ctx);
// the idle timeout does the same and returns [ErrIdle]. A direction that a Shaper
// makes wait is not idle, and that wait ends with the tunnel.
func (t *Tunnel) Run(ctx context.Context) error {
	ended := make(chan error, 1)
	end, down := t.Start(func(err error) { ended <- err })
	defer context.AfterFunc(ctx, func() { end(context.Cause(ctx)) })()
	down()
	return <-ended
}

// Start is Run in two steps and without the wait: ended is called with what Run would
// return, on a goroutine of the tunnel's, which is over after that, or within down.
// The caller is to call down, which moves what comes from the target until that has
// ended, or until it is waited for elsewhere: a tunnel that is short needs but one more
// goroutine for its whole life. In place of the end of a context there is end, which
// does nothing once ended is called, and which ended waits for when it is under way.
func (t *Tunnel) Start(ended func(error)) (end func(error), down func()) {
	r := newRun(t, ended)
	r.start(t.Early)
	return r.end, func() { r.down.begin(nil) }
}
