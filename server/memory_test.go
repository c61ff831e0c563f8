package server_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a listener of in-memory conns, for tests whose clock is synctest's.
type memory struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newMemory() *memory { return &memory{conns: make(chan net.Conn), done: make(chan struct{})} }

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error {
	m.once.Do(func() { close(m.done) })
	return nil
}

func (m *memory) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "unix"} }

// dial returns the client's end of a new connection.
func (m *memory) dial() net.Conn {
	near, far := net.Pipe()
	m.conns <- far
	return near
}

// serveMemory runs s on a memory listener until the test ends.
func serveMemory(t *testing.T, s *server.Server) *memory {
	t.Helper()
	m := newMemory()
	served := make(chan error, 1)
	go func() {
		if s.TLS != nil {
			served <- s.ServeTLS(m)
		} else {
			served <- s.Serve(m)
		}
	}()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; !errors.Is(err, server.ErrServerClosed) {
			t.Errorf("Serve returned %v, want ErrServerClosed", err)
		}
	})
	return m
}

// outbound is an Outbound of functions; one that is nil waits for its context.
type outbound struct {
	dial   func(ctx context.Context) (net.Conn, error)
	listen func() net.Listener
	packet func() net.PacketConn
}

func (o outbound) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	if o.dial != nil {
		return o.dial(ctx)
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func (o outbound) Listen(ctx context.Context, _, _ string) (net.Listener, error) {
	if o.listen != nil {
		return o.listen(), nil
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func (o outbound) ListenPacket(ctx context.Context, _, _ string) (net.PacketConn, error) {
	if o.packet != nil {
		return o.packet(), nil
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

// silent is a PacketConn to which nothing comes.
type silent struct {
	net.PacketConn
	done chan struct{}
	once sync.Once
}

func newSilent() net.PacketConn { return &silent{done: make(chan struct{})} }

func (s *silent) ReadFrom([]byte) (int, net.Addr, error) {
	<-s.done
	return 0, nil, net.ErrClosed
}

func (s *silent) WriteTo(b []byte, _ net.Addr) (int, error) { return len(b), nil }

func (s *silent) Close() error {
	s.once.Do(func() { close(s.done) })
	return nil
}

func (s *silent) LocalAddr() net.Addr {
	return net.UDPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:9"))
}

// closed collects the records of sessions.
type closed struct {
	mu       sync.Mutex
	sessions []*server.Session
	opened   int
}

func (c *closed) Opened(*server.Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opened++
}

func (c *closed) Closed(s *server.Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions = append(c.sessions, s)
}

// only returns the one record there is.
func (c *closed) only(t *testing.T) *server.Session {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.sessions) != 1 {
		t.Fatalf("got %d session records, want 1", len(c.sessions))
	}
	return c.sessions[0]
}

func send(t *testing.T, c net.Conn, b ...byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatalf("send % x: %v", b, err)
	}
}

func expect(t *testing.T, c net.Conn, want ...byte) {
	t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(c, got)
	if diff := cmp.Diff(want, got[:n]); diff != "" {
		t.Fatalf("read (-want +got), err %v:\n%s", err, diff)
	}
}

// expectEnd tells after how long the server ended c, with nothing sent before.
func expectEnd(t *testing.T, c net.Conn) time.Duration {
	t.Helper()
	start := time.Now()
	rest, err := io.ReadAll(c)
	if err != nil || len(rest) > 0 {
		t.Fatalf("got % x and %v, want the end", rest, err)
	}
	return time.Since(start)
}

// greet goes through greeting without login.
func greet(t *testing.T, c net.Conn) {
	t.Helper()
	send(t, c, 5, 1, 0)
	expect(t, c, 5, 0)
}

var target = []byte{1, 192, 0, 2, 1, 0, 80}

func request(t *testing.T, c net.Conn, command byte) {
	t.Helper()
	send(t, c, append([]byte{5, command, 0}, target...)...)
}

func expectRefusal(t *testing.T, c net.Conn, reply byte) {
	t.Helper()
	expect(t, c, 5, reply, 0, 1, 0, 0, 0, 0, 0, 0)
}
