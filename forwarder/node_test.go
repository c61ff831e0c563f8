package forwarder_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/forwarder"
	"github.com/socksctl/socksctl/internal/socks5"
)

// node is a SOCKS server in memory, for tests with a clock of their own.
type node struct {
	name string

	mu      sync.Mutex
	is      condition
	reply   byte
	open    map[net.Conn]bool
	dials   int // also of those that failed
	checks  int // logins that nothing was asked after
	asked   int // requests
	overlap int // the most handshakes at once
	under   int
}

// condition is what is wrong with a node.
type condition int

const (
	fine      condition = iota
	refusing            // connections
	silent              // a host that does not answer at all
	mute                // accepts, and says nothing
	rejecting           // logins
	hanging             // up when it is asked for something
)

func newNode(name string) *node { return &node{name: name, open: make(map[net.Conn]bool)} }

// dialer returns a Dialer to n.
func (n *node) dialer() *client.Dialer { return &client.Dialer{Address: n.name + ":1080", Forward: n} }

// servers returns Servers of nodes.
func servers(nodes ...*node) *forwarder.Servers {
	var dialers []*client.Dialer
	for _, n := range nodes {
		dialers = append(dialers, n.dialer())
	}
	return forwarder.NewServers(dialers...)
}

// turn changes the condition for what comes; what is open stays as it is.
func (n *node) turn(is condition) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.is = is
}

// become changes the condition; what is open ends unless n is fine.
func (n *node) become(is condition) {
	n.turn(is)
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.open {
		if is != fine {
			c.Close()
		}
	}
}

func (n *node) condition() condition {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.is
}

// counts returns dials, checks and requests.
func (n *node) counts() (dials, checks, asked int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dials, n.checks, n.asked
}

func (n *node) add(to *int, k int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	*to += k
	n.overlap = max(n.overlap, n.under)
}

// Dial makes n a proxy.Dialer.
func (n *node) Dial(network, address string) (net.Conn, error) {
	return n.DialContext(context.Background(), network, address)
}

// DialContext is the way to n.
func (n *node) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	n.add(&n.dials, 1)
	switch n.condition() {
	case refusing:
		return nil, syscall.ECONNREFUSED
	case silent:
		<-ctx.Done()
		return nil, ctx.Err()
	}
	near, far := net.Pipe()
	go n.serve(far) // ends when either end is closed
	return near, nil
}

func (n *node) serve(c net.Conn) {
	n.mu.Lock()
	n.open[c] = true
	n.mu.Unlock()
	defer func() {
		c.Close()
		n.mu.Lock()
		delete(n.open, c)
		n.mu.Unlock()
	}()
	n.add(&n.under, 1)
	_, err := socks5.ReadGreeting(c)
	is := n.condition()
	if err == nil && is != mute {
		c.Write([]byte{5, map[bool]byte{true: 0xFF}[is == rejecting]})
	}
	n.add(&n.under, -1)
	if err != nil || is == rejecting {
		return
	}
	_, err = socks5.ReadRequest(c)
	switch {
	case errors.Is(err, io.EOF):
		n.add(&n.checks, 1)
		return
	case err != nil:
		return
	}
	n.add(&n.asked, 1)
	if is == hanging {
		return
	}
	c.Write([]byte{5, n.reply, 0, 1, 192, 0, 2, 1, 0, 9})
	io.Copy(io.Discard, c)
}

// dial has a conn opened through s, and closes it at once if it comes.
func dial(t *testing.T, s *forwarder.Servers) error {
	c, err := s.DialContext(t.Context(), "tcp", "host.test:80")
	if err == nil {
		c.Close()
		synctest.Wait()
	}
	return err
}

// run has s check its servers until stop is called, or the test ends.
func run(t *testing.T, s *forwarder.Servers) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}
