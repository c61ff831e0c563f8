package forwarder_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/forwarder"
	"github.com/socksctl/socksctl/server"
)

// far is one server of a fleet: real, with mutual TLS.
type far struct {
	*server.Server
	addr   string
	closed atomic.Int64 // sessions that were admitted and are over
	served chan error
}

func (f *far) Opened(*server.Session) {}
func (f *far) Closed(s *server.Session) {
	if s.Stage() > server.StageRequest {
		f.closed.Add(1)
	}
}

// count returns how many sessions are or were admitted.
func (f *far) count() (n int64) {
	for range f.Sessions() {
		n++
	}
	return n + f.closed.Load()
}

// startFar serves on address until the test ends, or kill.
func startFar(t *testing.T, k keys, address string) *far {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	f := &far{addr: l.Addr().String(), served: make(chan error, 1)}
	f.Server = &server.Server{TLS: k.config(t, true), Observer: f}
	go func() { f.served <- f.ServeTLS(l) }() // ends with kill
	t.Cleanup(f.kill)
	return f
}

// kill ends the server and all that is on it.
func (f *far) kill() {
	f.Close()
	if err := <-f.served; errors.Is(err, server.ErrServerClosed) {
		f.served <- err // for who kills it again
	}
}

// certified shows a client certificate of k's CA.
func (k keys) certified(t *testing.T) *tls.Config {
	t.Helper()
	pair, err := k.ca.Client("alice", certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := certs.NewClient(certs.ClientConfig{CAs: []*x509.Certificate{k.ca.Certificate}, Certificate: pair.TLS()})
	if err != nil {
		t.Fatal(err)
	}
	return c.TLSConfig("127.0.0.1")
}

// fleet is three servers and a forwarder to them.
type fleet struct {
	keys    keys
	far     [3]*far
	servers *forwarder.Servers
	near    *client.Dialer // goes through the forwarder
	lines   chan string    // of the log of servers
}

// Write makes a fleet a log.
func (f *fleet) Write(p []byte) (int, error) {
	f.lines <- string(p)
	return len(p), nil
}

func newFleet(t *testing.T, balance forwarder.Balance) *fleet {
	t.Helper()
	f := &fleet{keys: newKeys(t), lines: make(chan string, 100)}
	var dialers []*client.Dialer
	for i := range f.far {
		f.far[i] = startFar(t, f.keys, "127.0.0.1:0")
		dialers = append(dialers, &client.Dialer{Address: f.far[i].addr, TLS: f.keys.certified(t)})
	}
	f.servers = forwarder.NewServers(dialers...)
	f.servers.Balance, f.servers.Log = balance, newLog(f)
	run(t, f.servers)
	at, _ := forward(t, f.servers)
	f.near = &client.Dialer{Address: at}
	return f
}

// await waits for a line of the log.
func (f *fleet) await(t *testing.T, text string) {
	t.Helper()
	limit := time.After(6 * patience)
	for {
		select {
		case line := <-f.lines:
			if strings.Contains(line, text) {
				return
			}
		case <-limit:
			t.Fatalf("nobody said %q", text)
		}
	}
}

// echoes is an origin that sends back what comes. It returns its address.
func echoes(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() { // ends when l is closed
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { // ends when its client is gone
				defer c.Close()
				io.Copy(c, c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		conns.Wait()
	})
	return l.Addr().String()
}

// alive tells whether a byte comes back through c.
func alive(c net.Conn) error {
	c.SetDeadline(time.Now().Add(2 * patience))
	if _, err := c.Write([]byte{42}); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 1))
	return err
}

// tally is what became of short sessions.
type tally struct{ opened, done, lost, refused atomic.Int64 }

// load opens sessions, one after the other in each of several goroutines, until
// stop is closed. Each sends a byte and has it back.
func (f *fleet) load(t *testing.T, origin string, stop <-chan struct{}, tick chan<- struct{}) (*tally, *sync.WaitGroup) {
	sum, workers := new(tally), new(sync.WaitGroup)
	for range 6 {
		workers.Go(func() { // ends when stop is closed
			for {
				select {
				case <-stop:
					return
				case tick <- struct{}{}:
				}
				c, err := f.near.DialContext(t.Context(), "tcp", origin)
				if err != nil {
					sum.refused.Add(1)
					t.Errorf("a new session: %v", err)
					continue
				}
				sum.opened.Add(1)
				if err := alive(c); err != nil {
					sum.lost.Add(1)
				} else {
					sum.done.Add(1)
				}
				c.Close()
			}
		})
	}
	return sum, workers
}

// take takes n values from tick: so many sessions are begun meanwhile.
func take(tick <-chan struct{}, n int) {
	for range n {
		<-tick
	}
}

// Killing one of three servers under load ends what is on it, and nothing else:
// every new session is served, at once, and so is everything on the others. When
// it is back it gets its share again.
func TestFleetKillOneOfThreeMutualTLS(t *testing.T) {
	f, origin := newFleet(t, forwarder.RoundRobin), echoes(t)
	var long [12]net.Conn
	for i := range long {
		c, err := f.near.DialContext(t.Context(), "tcp", origin)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		long[i] = c
	}
	for i, one := range f.far {
		if got := one.count(); got != 4 {
			t.Fatalf("server %d has %d sessions of 12, want 4", i, got)
		}
	}
	stop, tick := make(chan struct{}), make(chan struct{})
	sum, workers := f.load(t, origin, stop, tick)
	take(tick, 60)
	f.far[1].kill()
	took := f.far[1].count()
	take(tick, 120)
	close(stop)
	workers.Wait()
	f.await(t, "server is down")

	var died int
	for _, c := range long {
		if alive(c) != nil {
			died++
		}
	}
	t.Logf("%d short sessions, %d lost with the server, %d refused", sum.opened.Load(), sum.lost.Load(), sum.refused.Load())
	if died != 4 || sum.lost.Load() > 6 || sum.refused.Load() != 0 {
		t.Errorf("lost %d long and %d short sessions, refused %d: want the 4 on it, what each worker had there, and none",
			died, sum.lost.Load(), sum.refused.Load())
	}
	if others := f.far[0].count() + f.far[2].count(); others+took < 12+sum.opened.Load() {
		t.Errorf("the servers had %d sessions, want %d or more", others+took, 12+sum.opened.Load())
	}

	back := startFar(t, f.keys, f.far[1].addr)
	f.await(t, "server is up again")
	for range 6 {
		c, err := f.near.DialContext(t.Context(), "tcp", origin)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	if got := back.count(); got != 2 {
		t.Errorf("the server that is back has %d sessions of 6, want 2", got)
	}
}

// An association is with one server for all of its datagrams, and ends with it.
func TestFleetAssociationStaysUDPMutualTLS(t *testing.T) {
	f := newFleet(t, forwarder.RoundRobin)
	origin, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer origin.Close()
	senders := make(map[string]bool)
	exchange := func(pc net.PacketConn) error {
		b := make([]byte, 16)
		for _, c := range []net.PacketConn{origin, pc} {
			c.SetDeadline(time.Now().Add(patience))
		}
		if _, err := pc.WriteTo([]byte("ping"), origin.LocalAddr()); err != nil {
			return err
		}
		_, from, err := origin.ReadFrom(b)
		if err != nil {
			return err
		}
		senders[from.String()] = true
		origin.WriteTo([]byte("pong"), from)
		_, _, err = pc.ReadFrom(b)
		return err
	}
	pc, err := f.near.ListenPacket(t.Context(), "udp", "")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	for range 30 {
		if err := exchange(pc); err != nil {
			t.Fatal(err)
		}
	}
	if len(senders) != 1 {
		t.Errorf("the datagrams came from %d addresses, want one", len(senders))
	}
	for i, one := range f.far {
		if one.count() == 1 {
			f.far[i].kill()
		}
	}
	var fault *client.ProxyError
	pc.SetDeadline(time.Now().Add(patience))
	if _, _, err := pc.ReadFrom(make([]byte, 16)); !errors.As(err, &fault) {
		t.Errorf("the server is gone: got %v, want the end of the association", err)
	}
	again, err := f.near.ListenPacket(t.Context(), "udp", "")
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := exchange(again); err != nil {
		t.Error(err)
	}
}

// A BIND is with the server that listens for it, whatever becomes of others.
func TestFleetBINDStaysMutualTLS(t *testing.T) {
	f := newFleet(t, forwarder.Failover)
	l, err := f.near.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f.far[1].kill()
	f.far[2].kill()
	peer, err := net.DialTimeout("tcp", l.Addr().String(), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go io.Copy(c, c) // ends when c is closed
	if err := alive(peer); err != nil {
		t.Error(err)
	}
	if got := f.far[0].count(); got != 1 {
		t.Errorf("the first server had %d sessions, want 1", got)
	}
}
