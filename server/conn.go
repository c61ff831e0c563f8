package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/socksctl/socksctl/internal/relay"
	"github.com/socksctl/socksctl/internal/socks5"
)

// alpn is the protocol by which our clients tell that they may send greeting,
// login and request in one flight, and hold a connection warm.
const alpn = "socksctl/1"

// alpnChallenge is the protocol by which a certificate authority asks whether a name
// is this server's: who speaks it has no login, and wants the handshake alone
// (RFC 8737, section 3).
const alpnChallenge = "acme-tls/1"

// drainWait is how long a refused client has to read its reply and hang up.
const drainWait = time.Second

var (
	errNoMethod    = &LoginError{Reason: LoginNoMethod}
	errName        = fmt.Errorf("not a host name: %w", socks5.HostUnreachable)
	errSwitched    = fmt.Errorf("command is not served: %w", socks5.CommandNotSupported)
	errChallenge   = errors.New("a certificate authority asked for a name, and was answered (" + alpnChallenge + ")")
	errNotAdmitted = fmt.Errorf("not admitted: %w", socks5.GeneralFailure)
)

// readers holds buffers for what comes before the relay: the longest greeting,
// login and request together.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 1040) }}

// conn is the client's side of a session. One goroutine owns it at a time.
type conn struct {
	*Session
	ctx    context.Context         // ends with Session.End; nil once there is a tunnel
	cancel context.CancelCauseFunc // ends ctx; nil likewise
	peer   net.Conn                // what SOCKS is spoken on: raw, or the TLS over it
	in     *bufio.Reader           // reads peer until the request is there
	since  time.Time               // when its stage began
	heard  bool                    // there was more to a TLS handshake that failed than an end
}

// enter begins a stage, and tells how long the one before it took.
func (c *conn) enter(stage Stage) {
	now := time.Now()
	if observer := c.server.stages; observer != nil {
		observer.Passed(c.Session, c.Stage(), now.Sub(c.since))
	}
	c.since = now
	c.stage.Store(uint32(stage))
	if stage <= StageRequest {
		c.hurryIfClosing()
	}
}

// ownPlain owns the connection from accept to the relay.
func (c *conn) ownPlain() {
	if err := c.welcome(); err != nil {
		c.finish(err)
		return
	}
	c.serve()
}

// ownTLS owns the connection from accept until the handshake is done.
func (c *conn) ownTLS(config *tls.Config, servers *crew) {
	err := c.welcome()
	if err == nil {
		err = c.handshake(config)
	}
	if err == nil && c.TLS.NegotiatedProtocol == alpnChallenge {
		err = errChallenge
	}
	if err != nil {
		c.finish(err)
		return
	}
	servers.take(c)
}

// welcome finds out who it is that comes, and whether they may come in.
func (c *conn) welcome() error {
	if err := c.introduce(); err != nil {
		return err
	}
	return c.server.gate(c)
}

// serve carries out what the client asks for, and goes on to the relay, if it
// comes to that.
func (c *conn) serve() {
	tunnel, err := c.converse()
	if tunnel == nil {
		c.finish(err)
		return
	}
	c.endContext()
	end, down := tunnel.Start(c.finish)
	c.life.goOn(func(reason error) { go end(reason) })
	down()
}

// endContext ends the context and does without one from now on.
func (c *conn) endContext() {
	if c.cancel != nil {
		c.cancel(nil)
		c.ctx, c.cancel = nil, nil
	}
}

// gate asks the Gate, if there is one, whether c may come in.
func (s *Server) gate(c *conn) error {
	if s.Gate == nil {
		return nil
	}
	return s.Gate(c.Session, c.raw)
}

// converse reads greeting, login and request, and carries the request out. What
// it may return is the tunnel that is left to run.
func (c *conn) converse() (*relay.Tunnel, error) {
	c.in = readers.Get().(*bufio.Reader)
	c.in.Reset(c.peer)
	req, err := c.admit()
	early := bytes.Clone(c.peek())
	c.in.Reset(nil)
	readers.Put(c.in)
	c.in = nil
	if err != nil {
		return nil, err
	}
	if observer := c.server.Observer; observer != nil {
		observer.Opened(c.Session)
	}
	switch req.Command {
	case socks5.Connect:
		return c.connect(req.Addr, early)
	case socks5.Bind:
		return c.bind(req.Addr, early)
	case socks5.Associate:
		return nil, c.associate(req.Addr)
	default:
		return nil, c.stream(req.Command, early)
	}
}

// peek returns what the client sent beyond its request. It is valid until the
// next read.
func (c *conn) peek() []byte {
	early, _ := c.in.Peek(c.in.Buffered()) // cannot fail: it is there
	return early
}

// admit takes the client through greeting, login and request to the point
// where the request may be carried out.
func (c *conn) admit() (socks5.Request, error) {
	err := c.login()
	c.server.logins.add(c.Identity.Method, err)
	if err != nil {
		return socks5.Request{}, err
	}
	c.hold()
	if err := c.catchUp(); err != nil {
		return socks5.Request{}, err
	}
	req, err := c.request()
	if err != nil {
		return req, err
	}
	c.enter(StageDial)
	c.server.waiting.remove(c.Session)
	c.server.warm.remove(c.Session)
	return req, c.raw.SetDeadline(time.Time{})
}

// hold lets a proven peer of our own kind take its time with the request: its
// connection is warm until then, and the session of who uses it starts then. A server
// that is closing holds no more of them.
func (c *conn) hold() {
	c.enter(StageRequest)
	if c.TLS == nil || c.TLS.NegotiatedProtocol != alpn || !c.proven() || c.in.Buffered() > 0 || c.server.isClosing() {
		return
	}
	c.server.waiting.remove(c.Session)
	c.server.warm.add(c.Session, c.server.inForce().WarmUser)
	_ = c.raw.SetDeadline(time.Now().Add(c.server.inForce().Warm)) // one that cannot be set fails the read
	if _, err := c.in.Peek(1); err == nil {                        // an error comes again with the request
		c.Start = time.Now()
		c.since = c.Start
	}
}

// proven tells whether the peer has shown who it is.
func (c *conn) proven() bool {
	return c.Identity.User != "" || len(c.TLS.VerifiedChains) > 0
}

// request reads the request and refuses what no outbound need be asked about.
func (c *conn) request() (socks5.Request, error) {
	req, err := socks5.ReadRequest(c.in)
	switch {
	case errors.Is(err, socks5.ErrVersion):
		return req, c.refuse(fmt.Errorf("read request: %w: %w", socks5.GeneralFailure, err))
	case errors.Is(err, socks5.ErrAddressType) && !req.Command.Known():
		return req, c.refuse(errSwitched)
	case errors.Is(err, socks5.ErrAddressType):
		return req, c.refuse(fmt.Errorf("read request: %w", err))
	case err != nil:
		return req, fmt.Errorf("read request: %w", err)
	}
	c.Command, c.Host, c.Port = req.Command.String(), req.Addr.Host(), req.Addr.Port
	if err := c.allow(req); err != nil {
		return req, c.refuse(err)
	}
	if err := c.server.accounts.enter(c.Session); err != nil {
		return req, c.refuse(err)
	}
	if admit := c.server.Admit; admit != nil {
		if err := admit(c.Session); err != nil {
			return req, c.refuse(fmt.Errorf("%w: %w", errNotAdmitted, err))
		}
	}
	return req, nil
}

// allow judges a request as it was asked. The address of a UDP request is a
// hint, and no reason to refuse (RFC 1928, section 7).
func (c *conn) allow(req socks5.Request) error {
	if !c.server.Commands.has(req.Command) {
		return errSwitched
	}
	t := Target{Stage: StageRequest}
	switch req.Command {
	case socks5.Connect, socks5.Bind:
		if !req.Addr.Valid() {
			return errName
		}
		if req.Command == socks5.Connect && req.Addr.IP.IsValid() && req.Addr.IP.IsUnspecified() {
			return errUnspecified
		}
		t.Host = req.Addr.Name
		t.Addr = netip.AddrPortFrom(req.Addr.IP, req.Addr.Port)
	}
	c.asked.Store(&t)
	return c.judge(c.ctx, t)
}

// reply sends one reply, in one write.
func (c *conn) reply(r socks5.Reply, bound socks5.Addr) error {
	if _, err := c.peer.Write(socks5.AppendReply(make([]byte, 0, 32), r, bound)); err != nil { // a name may need more
		return fmt.Errorf("write reply: %w", err)
	}
	return nil
}

// refuse sends the reply that tells of err, and returns err. A session that was
// ended gets none: a code would say that its request had failed, and a forwarder
// would not ask another server.
func (c *conn) refuse(err error) error {
	if c.life.ended() != nil {
		return err
	}
	r := socks5.ReplyFor(err)
	if r == socks5.Succeeded || r > socks5.AddressTypeNotSupported {
		r = socks5.GeneralFailure
	}
	c.refusal.Store(uint32(r))
	if werr := c.reply(r, socks5.Addr{}); werr != nil {
		return errors.Join(err, werr)
	}
	return err
}

// join returns the tunnel from the client to target, which is to run next.
func (c *conn) join(target net.Conn, early []byte) *relay.Tunnel {
	c.enter(StageRelay)
	return &relay.Tunnel{
		Client: c.peer, Target: target, Early: early, Idle: c.server.inForce().Idle,
		Up: &c.BytesUp, Down: &c.BytesDown, Active: &c.active,
		ShapeUp: upward{c.Session}, ShapeDown: downward{c.Session},
	}
}

// finish ends the session: it closes the client's connection so that a last
// reply arrives, freezes the record, and tells of it.
func (c *conn) finish(err error) {
	cause := c.life.ended()
	if c.Refusal() != 0 { // the client had its answer before
		cause = nil
	}
	if cause != nil {
		err = cause
	} else if c.Stage() != StageRelay {
		err = c.hurried(err)
		relay.CloseDrained(c.peer, drainWait)
	}
	reason := c.reasonOf(err, cause != nil) // what ends it from here on is too late
	c.life.over()
	c.endContext()
	_ = c.peer.Close() // closed before, unless the relay never ran
	c.server.giveBack(c.Session)
	c.Session.finish(time.Now(), err, reason)
	if observer := c.server.Observer; observer != nil {
		observer.Closed(c.Session)
	}
	c.logEnd()
	c.server.unregister(c.Session)
}
