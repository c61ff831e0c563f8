package acl_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/acl"
	"github.com/socksctl/socksctl/internal/errno"
	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// patience bounds every wait of a test for what should come at once.
const patience = 10 * time.Second

// proxy is a server on loopback whose policy takes it for one beyond that.
// Nothing that it does leaves loopback: what the rules allow elsewhere is
// counted, and fails.
type proxy struct {
	*server.Server
	server.Outbound
	rules              *acl.Policy
	addr               string
	dials              atomic.Int64
	elsewhere, refused atomic.Int64 // addresses that the rules allowed beyond loopback, and did not allow
}

var errElsewhere = errors.New("not from a test")

// serve starts a proxy with the rules of p, whose names are looked up by r.
func serve(t *testing.T, p *acl.Policy, r *net.Resolver) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	x := &proxy{rules: p, addr: l.Addr().String(), Outbound: &server.Direct{Resolver: r}}
	x.Server = &server.Server{
		Outbound: x, Limits: server.Limits{BindWait: 50 * time.Millisecond},
		Policy: x,
	}
	done := make(chan error, 1)
	go func() { done <- x.Serve(l) }() // ends with Close
	t.Cleanup(func() {
		x.Close()
		if err := <-done; !errors.Is(err, server.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	return x
}

// DialContext dials names alone: no address that is asked for is one of a test.
func (x *proxy) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	x.dials.Add(1)
	if _, err := netip.ParseAddrPort(address); err == nil {
		return nil, errElsewhere
	}
	return x.Outbound.DialContext(ctx, network, address)
}

// Allow lets what the rules say about an address pass, if that is on loopback.
func (x *proxy) Allow(ctx context.Context, s *server.Session, t server.Target) error {
	err, ip := x.rules.Allow(ctx, s, t), t.Addr.Addr()
	switch {
	case !ip.IsValid() || ip.IsUnspecified():
		return err
	case err != nil:
		x.refused.Add(1)
		return err
	case !ip.IsLoopback():
		x.elsewhere.Add(1)
		return errElsewhere
	}
	return nil
}

// Quotas is what the rules say.
func (x *proxy) Quotas(s *server.Session, user server.Quota) []server.Quota {
	return x.rules.Quotas(s, user)
}

// dial connects as an app.
func (x *proxy) dial(t *testing.T) *net.TCPConn { t.Helper(); return x.dialFrom(t, "127.0.0.1") }

func (x *proxy) dialFrom(t *testing.T, host string) *net.TCPConn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(host)}, Timeout: patience}
	c, err := d.Dial("tcp", x.addr)
	if errno.Is(err, syscall.EADDRNOTAVAIL) {
		t.Skip("of 127.0.0.0/8 this host has 127.0.0.1 alone") // as macOS and FreeBSD
	}
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn)
}

// ask asks for dst and returns the reply, with its address if it is one of
// success.
func (x *proxy) ask(t *testing.T, c *net.TCPConn, command socks5.Command, dst []byte) (socks5.Reply, netip.AddrPort) {
	t.Helper()
	if _, err := c.Write(append([]byte{5, 1, 0, 5, byte(command), 0}, dst...)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	return reply(t, c)
}

func reply(t *testing.T, c net.Conn) (socks5.Reply, netip.AddrPort) {
	t.Helper()
	addr, err := socks5.ReadReply(c)
	var code socks5.Reply
	if err != nil && !errors.As(err, &code) {
		t.Fatalf("read the reply: %v", err)
	}
	return code, addr.AddrPort()
}

// connect asks for one CONNECT and hangs up.
func (x *proxy) connect(t *testing.T, dst []byte) socks5.Reply {
	t.Helper()
	c := x.dial(t)
	defer c.Close()
	c.SetLinger(0) // no port is left waiting, of thousands
	code, _ := x.ask(t, c, socks5.Connect, dst)
	return code
}

// dropped returns how many datagrams the one association dropped.
func (x *proxy) dropped() (n int64) {
	for s := range x.Sessions() {
		for _, drops := range s.Dropped() {
			n += drops
		}
	}
	return n
}

// named is a destination of type 03, as it is spelled.
func named(name string, port uint16) []byte {
	return append(append([]byte{3, byte(len(name))}, name...), byte(port>>8), byte(port))
}

// at is a destination of type 01 or 04.
func at(ip netip.Addr, port uint16) []byte {
	b := []byte{4}
	if ip.Is4() {
		b[0] = 1
	}
	return append(append(b, ip.AsSlice()...), byte(port>>8), byte(port))
}

// listen opens a port of 127.0.0.1 whose connections nobody accepts.
func listen(t *testing.T) (port uint16) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

// trap listens on every address of this host, and counts who comes.
type trap struct {
	port uint16
	came atomic.Int64
}

func setTrap(t *testing.T) *trap {
	t.Helper()
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	x := &trap{port: uint16(l.Addr().(*net.TCPAddr).Port)}
	udp, err := net.ListenUDP("udp", &net.UDPAddr{Port: int(x.port)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{}, 2)
	go func() { // ends when l is closed
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			x.came.Add(1)
			c.Close()
		}
		done <- struct{}{}
	}()
	go func() { // ends when udp is closed
		for _, _, err := udp.ReadFrom(make([]byte, 1)); err == nil; _, _, err = udp.ReadFrom(make([]byte, 1)) {
			x.came.Add(1)
		}
		done <- struct{}{}
	}()
	t.Cleanup(func() { l.Close(); udp.Close(); <-done; <-done })
	return x
}

// empty fails t when somebody came.
func (x *trap) empty(t *testing.T) {
	t.Helper()
	if n := x.came.Load(); n != 0 {
		t.Errorf("%d connections and datagrams came to loopback, want none", n)
	}
}

// works shows that the trap would notice.
func (x *trap) works(t *testing.T) {
	t.Helper()
	for _, network := range []string{"tcp", "udp"} {
		before := x.came.Load()
		for _, host := range []string{"127.0.0.1", "127.8.8.8", "::1"} {
			c, err := net.Dial(network, netip.AddrPortFrom(netip.MustParseAddr(host), x.port).String())
			if err != nil {
				t.Fatal(err)
			}
			c.Write([]byte("x"))
			c.Close()
		}
		until(t, "the trap to notice", func() bool { return x.came.Load() == before+3 })
	}
	x.came.Store(0)
}

// until waits for ok.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}
