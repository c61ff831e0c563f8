package check

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/socks5"
)

// connections asks for CONNECT and BIND. Each is proof of the other: what is dialled
// is a port that the proxy opened. With a Target, CONNECT has its own.
func (r *run) connections(ctx context.Context) {
	opening, took := timed(ctx)
	l, err := r.Dialer.Listen(opening, "tcp", "")
	opened := took()
	if err != nil {
		r.connectTarget(ctx, fmt.Sprintf("BIND failed, by which it would have been tried: it takes --target HOST:PORT (%s)", client.Diagnose(err).Why))
		r.add(failed(StepBind, err))
		return
	}
	defer l.Close()
	calling, took := timed(ctx)
	far, err := r.Dialer.DialContext(calling, "tcp", l.Addr().String())
	if r.Target != "" {
		r.connectTarget(ctx, "")
	} else {
		r.add(ownPort(l.Addr(), err, took()))
	}
	r.add(r.callBack(ctx, l, far, err, opened))
}

// connectTarget asks for CONNECT to the target, and without one reports why CONNECT
// was not tried.
func (r *run) connectTarget(ctx context.Context, untried string) {
	if r.Target == "" {
		r.add(Step{Name: StepConnect, Status: Untested, Why: untried})
		return
	}
	ctx, took := timed(ctx)
	c, err := r.Dialer.DialContext(ctx, "tcp", r.Target)
	if err != nil {
		r.add(failed(StepConnect, err))
		return
	}
	defer c.Close()
	found := "to " + r.Target
	if bound, ok := c.(interface{ BoundAddr() net.Addr }); ok {
		found += fmt.Sprintf(", from %s", bound.BoundAddr())
	}
	r.add(Step{Name: StepConnect, Status: OK, Took: took(), Found: found})
}

// ownPort reports how a CONNECT to the proxy's own port went. That the proxy cannot
// or may not go there says little about other targets.
func ownPort(at net.Addr, err error, took Latency) Step {
	if err == nil {
		return Step{Name: StepConnect, Status: OK, Took: took, Found: fmt.Sprintf("to %s, which BIND opened", at)}
	}
	s := failed(StepConnect, err)
	_, fault := errors.AsType[*client.ProxyError](err)
	if fault || s.Cause == client.CauseCommandOff || s.Cause == client.CauseSilent {
		return s
	}
	why := fmt.Sprintf("the proxy cannot reach the port that it opened itself: it takes --target HOST:PORT (%s)", s.Why)
	if errors.Is(err, socks5.NotAllowed) {
		why = fmt.Sprintf("the proxy's rules keep it from its own address: it takes --target HOST:PORT (%s)", s.Why)
	}
	return Step{Name: StepConnect, Status: Untested, Why: why}
}

// callBack reports BIND: far has connected to l through the proxy, unless err says
// why not; then this host tries.
func (r *run) callBack(ctx context.Context, l net.Listener, far net.Conn, err error, opened Latency) Step {
	from := "through the proxy"
	if err != nil {
		from = "from this host"
		within, cancel := context.WithTimeout(ctx, r.Timeout)
		defer cancel()
		var host net.Dialer
		if far, err = host.DialContext(within, "tcp", l.Addr().String()); err != nil {
			why := fmt.Sprintf("%s was opened, and neither the proxy nor this host can connect to it (%v): for others, --advertise there has to name "+
				"an address that they reach, and firewalls to let them in (--port-range)", l.Addr(), err)
			return Step{Name: StepBind, Status: Untested, Took: opened, Why: why}
		}
	}
	defer far.Close()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	timer := time.AfterFunc(r.Timeout, func() { l.Close() })
	defer timer.Stop()
	near, err := l.Accept()
	if errors.Is(err, net.ErrClosed) {
		err = fmt.Errorf("the proxy does not tell that somebody connected to %s: %w", l.Addr(), context.DeadlineExceeded)
	}
	if err == nil {
		defer near.Close()
		err = r.exchange(near, far)
	}
	if err != nil {
		return failed(StepBind, err)
	}
	return Step{Name: StepBind, Status: OK, Took: opened, Found: fmt.Sprintf("%s, connected to %s", l.Addr(), from)}
}

// exchange sends some bytes each way between the two ends of a connection.
func (r *run) exchange(near, far net.Conn) error {
	by := time.Now().Add(r.Timeout)
	for _, c := range []net.Conn{near, far} {
		_ = c.SetDeadline(by) // one that cannot be set fails the read
	}
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		sent, got := []byte(rand.Text()), make([]byte, len(rand.Text()))
		if _, err := way[0].Write(sent); err != nil {
			return fmt.Errorf("send to the peer: %w", err)
		}
		if _, err := io.ReadFull(way[1], got); err != nil {
			return fmt.Errorf("receive from the peer: %w", err)
		}
		if string(got) != string(sent) {
			return errors.New("the proxy changes what is sent")
		}
	}
	return nil
}
