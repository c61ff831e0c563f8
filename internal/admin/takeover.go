package admin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/socksctl/socksctl/internal/inherit"
)

const takeoverPath = "/api/v1/takeover"

// ErrNobody is what [Client.TakeOver] returns when no process is there to take
// anything over from.
var ErrNobody = errors.New("no service answers")

var (
	errNotUnix    = errors.New("listeners are handed over on a unix socket only")
	errOtherUser  = errors.New("listeners are handed over to a process of the same user only")
	errNoTakeover = errors.New("this service hands no listeners over")
	errHanding    = errors.New("another process is taking over")
	errUpgrade    = errors.New("a takeover asks for " + inherit.Protocol)
)

// takeover hands over to whoever may ask for that.
func (s *Server) takeover(w http.ResponseWriter, r *http.Request) {
	c, err := s.mayTakeOver(r)
	if err != nil {
		s.Log.Warn("takeover refused", "err", err)
		refuse(w, http.StatusForbidden, err)
		return
	}
	if r.Header.Get("Upgrade") != inherit.Protocol {
		w.Header().Set("Upgrade", inherit.Protocol)
		refuse(w, http.StatusUpgradeRequired, errUpgrade)
		return
	}
	if !s.handing.TryLock() {
		answer(w, http.StatusConflict, Result{Error: errHanding.Error()})
		return
	}
	if !s.handOver(w, c) {
		s.handing.Unlock()
	}
}

// handOver turns the connection into a handover, and carries that out.
func (s *Server) handOver(w http.ResponseWriter, c *net.UnixConn) bool {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		s.Log.Warn("takeover", "err", err)
		return false
	}
	defer conn.Close() // lets another connection in
	h := inherit.NewHandover(c)
	defer h.Close()
	fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", inherit.Protocol)
	return s.HandOver(h)
}

// mayTakeOver returns the connection of a request, if it may get listeners.
func (s *Server) mayTakeOver(r *http.Request) (*net.UnixConn, error) {
	c, ok := r.Context().Value(connKey{}).(*net.UnixConn)
	switch {
	case s.HandOver == nil:
		return nil, errNoTakeover
	case !ok:
		return nil, errNotUnix
	}
	uid, _, err := inherit.Peer(c)
	if err == nil && uid != os.Geteuid() {
		err = errOtherUser
	}
	return c, err
}

// connKey is where the context of a request has the connection that it came on.
type connKey struct{}

// withConn remembers what is under c.
func withConn(ctx context.Context, c net.Conn) context.Context {
	for {
		wrapped, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return context.WithValue(ctx, connKey{}, c)
		}
		c = wrapped.NetConn()
	}
}

// TakeOver asks the service for its listeners. The error is [ErrNobody] when there
// is no service, and errors.ErrUnsupported on Windows.
func (c *Client) TakeOver(ctx context.Context) (*inherit.Set, error) {
	path, isUnix := strings.CutPrefix(c.Address, "unix:")
	switch {
	case !inherit.Supported:
		return nil, fmt.Errorf("a takeover on this system: %w", errors.ErrUnsupported)
	case !isUnix:
		return nil, errNotUnix
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", path)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("%w: %w", ErrNobody, err)
	}
	if err != nil {
		return nil, err
	}
	on := conn.(*net.UnixConn)
	if err := errors.Join(trusted(on), on.SetDeadline(time.Now().Add(writeTimeout))); err != nil {
		on.Close()
		return nil, err
	}
	if err := c.upgrade(ctx, on); err != nil {
		on.Close()
		return nil, err
	}
	return inherit.Receive(on)
}

// upgrade has the connection turned into a handover, of which nothing has come
// yet.
func (c *Client) upgrade(ctx context.Context, on *net.UnixConn) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost"+takeoverPath, http.NoBody)
	if err != nil {
		return err
	}
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", inherit.Protocol)
	if err := r.Write(on); err != nil {
		return fmt.Errorf("ask %s: %w", c.Address, err)
	}
	response, err := http.ReadResponse(bufio.NewReader(on), r) // what follows it comes when it is asked for
	if err != nil {
		return fmt.Errorf("ask %s: %w", c.Address, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusSwitchingProtocols {
		return c.decode(response, new(problem))
	}
	return nil
}

// trusted refuses what somebody else has put in the service's place: listeners of
// this user's and of root's are taken.
func trusted(c *net.UnixConn) error {
	uid, _, err := inherit.Peer(c)
	if err == nil && uid != os.Geteuid() && uid != 0 {
		err = fmt.Errorf("the service there is another user's (%d)", uid)
	}
	return err
}
