package traffic

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync/atomic"
	"time"
)

// payload is how many bytes a datagram has, as those of QUIC.
const payload = 1200

// lossTime is after how long without an answer the datagrams under way count as
// lost.
const lossTime = 200 * time.Millisecond

// association is a socket of an app with datagrams to an origin.
type association struct {
	socket  *segmented
	control net.Conn // nil of a bare relay
	proxy   *net.UDPAddr
	burst   []byte // datagrams that are sent together
	size    int    // of one of them, with its header
	in      []byte
}

// associate makes one by way of w, which sends that many datagrams at a time.
func (w *Way) associate(ctx context.Context, together int) (*association, error) {
	a := &association{in: make([]byte, 1<<16)}
	where, header, err := a.ask(ctx, w)
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	local := net.IPv4(127, 0, 0, 1)
	if a.control != nil { // datagrams come from where the control connection does
		local = a.control.LocalAddr().(*net.TCPAddr).IP
	}
	a.proxy = net.UDPAddrFromAddrPort(where)
	if a.socket, err = segment(local); err != nil {
		return nil, errors.Join(err, a.close())
	}
	one := slices.Concat(header, make([]byte, payload))
	a.size = len(one)
	for range together {
		a.burst = append(a.burst, one...)
	}
	return a, nil
}

// ask returns where datagrams go, and what each begins with.
func (a *association) ask(ctx context.Context, w *Way) (where netip.AddrPort, header []byte, err error) {
	proxy, err := netip.ParseAddrPort(w.Proxy)
	if err != nil || w.Bare {
		return proxy, nil, err
	}
	target, err := netip.ParseAddrPort(w.Target)
	if err != nil {
		return where, nil, err
	}
	if a.control, err = w.Connect(ctx); err != nil {
		return where, nil, err
	}
	if where, err = command(a.control, cmdAssociate, netip.MustParseAddrPort("0.0.0.0:0")); err != nil {
		return where, nil, fmt.Errorf("UDP ASSOCIATE: %w", err)
	}
	if where.Addr().IsUnspecified() {
		where = netip.AddrPortFrom(proxy.Addr(), where.Port())
	}
	return where, appendAddr([]byte{0, 0, 0}, target), nil
}

func (a *association) close() error {
	if a.socket != nil {
		a.socket.Close()
	}
	if a.control != nil {
		return a.control.Close()
	}
	return nil
}

// keep has window datagrams under way, a burst of them sent at a time, until the
// socket closes. It counts the answers, and what has none.
func (a *association) keep(window int, answers, lost *atomic.Int64) {
	for under := 0; ; {
		for together := len(a.burst) / a.size; under+together <= window; under += together {
			if a.socket.send(a.burst, a.size, a.proxy) != nil {
				return
			}
		}
		n, err := a.receive(lossTime)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			lost.Add(int64(under))
			under = 0
		case err != nil:
			return
		default:
			answers.Add(int64(n))
			under = max(0, under-n) // one that counted as lost may come late
		}
	}
}

// receive waits for answers and returns how many came together.
func (a *association) receive(limit time.Duration) (int, error) {
	a.socket.SetReadDeadline(time.Now().Add(limit))
	n, size, _, err := a.socket.receive(a.in)
	if err != nil {
		return 0, err
	}
	return (n + size - 1) / size, nil
}

// ping has one datagram echoed.
func (a *association) ping() error {
	if err := a.socket.send(a.burst[:a.size], a.size, a.proxy); err != nil {
		return err
	}
	if _, err := a.receive(patience); err != nil {
		return fmt.Errorf("wait for the echo of a datagram: %w", err)
	}
	return nil
}
