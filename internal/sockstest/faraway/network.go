// Package faraway is a network in memory whose far side is some way off: for tests
// that count round trips, with the clock of testing/synctest.
package faraway

import (
	"context"
	"net"
	"sync"
	"time"
)

// Network is a way to one listener, which is its own. To dial takes a round trip,
// and so does a question with its answer.
type Network struct {
	way      time.Duration
	accepted chan net.Conn
	closed   chan struct{}
	close    sync.Once

	mu    sync.Mutex
	conns []*Conn
}

// New returns a Network of which one way takes so long; if that is no time at all
// its addresses are of loopback.
func New(way time.Duration) *Network {
	return &Network{way: way, accepted: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial is DialContext without a context.
func (n *Network) Dial(network, address string) (net.Conn, error) {
	return n.DialContext(context.Background(), network, address)
}

// DialContext connects to the listener, whatever the address is.
func (n *Network) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := pair(n.way, n.addr(40000), n.Addr())
	n.mu.Lock()
	n.conns = append(n.conns, near)
	n.mu.Unlock()
	for _, to := range []chan<- net.Conn{nil, n.accepted, nil} {
		var there <-chan time.Time
		if to == nil {
			there = time.After(n.way)
		}
		select {
		case to <- far:
		case <-there:
		case <-ctx.Done():
			near.Close()
			return nil, ctx.Err()
		case <-n.closed:
			near.Close()
			return nil, net.ErrClosed
		}
	}
	return near, nil
}

// Dialed returns the near ends, in the order in which they were dialled.
func (n *Network) Dialed() []*Conn {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]*Conn(nil), n.conns...)
}

// Accept returns the far end of a connection.
func (n *Network) Accept() (net.Conn, error) {
	select {
	case c := <-n.accepted:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// Close ends the listener, and leaves the connections.
func (n *Network) Close() error {
	n.close.Do(func() { close(n.closed) })
	return nil
}

// Addr returns the address of the listener.
func (n *Network) Addr() net.Addr { return n.addr(1443) }

// addr returns an address of this host if nothing is far.
func (n *Network) addr(port int) net.Addr {
	if n.way == 0 {
		return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	}
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: port}
}
