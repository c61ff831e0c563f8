package check_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/check"
	"github.com/socksctl/socksctl/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long the checks of these tests wait for what does not come.
const patience = 300 * time.Millisecond

// world is the CAs of a test: its own and one of somebody else.
type world struct{ ca, other *certs.CA }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := new(world)
	for name, ca := range map[string]**certs.CA{"our network": &w.ca, "inspector": &w.other} {
		var err error
		if *ca, err = certs.NewCA(name, certs.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// made takes what a CA's methods return.
func made(t *testing.T) func(*certs.Pair, error) *certs.Pair {
	return func(p *certs.Pair, err error) *certs.Pair {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
}

// certificate is one for localhost.
func (w *world) certificate(t *testing.T, o certs.Options) *tls.Certificate {
	t.Helper()
	return made(t)(w.ca.Server([]string{"localhost"}, o)).TLS()
}

// tlsServer is the TLS side of a server with c; a certificate is made where it has
// none.
func (w *world) tlsServer(t *testing.T, c certs.ServerConfig) *tls.Config {
	t.Helper()
	if c.Certificate == nil {
		c.Certificate = w.certificate(t, certs.Options{})
	}
	c.ALPN = []string{client.ALPN}
	s, err := certs.NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	return s.TLSConfig()
}

// mutual is a server that requires certificates of w's CA.
func (w *world) mutual() certs.ServerConfig {
	return certs.ServerConfig{ClientCAs: []*x509.Certificate{w.ca.Certificate}}
}

// serve runs s, with TLS if it has a config for that, and returns its address.
func serve(t *testing.T, s *server.Server) string {
	t.Helper()
	l := listen(t)
	done := make(chan error, 1)
	go func() {
		if s.TLS != nil {
			done <- s.ServeTLS(l)
		} else {
			done <- s.Serve(l)
		}
	}()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; !errors.Is(err, server.ErrServerClosed) {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// answer has f carry on every connection to the address that it returns, until the
// test ends.
func answer(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l := listen(t)
	var (
		running sync.WaitGroup
		mu      sync.Mutex
		open    []net.Conn
	)
	running.Go(func() { // ends when l is closed
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			running.Go(func() { // ends when c is closed
				defer c.Close()
				f(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return l.Addr().String()
}

// trusting is what a client of w's servers knows.
func (w *world) trusting() certs.ClientConfig {
	return certs.ClientConfig{CAs: []*x509.Certificate{w.ca.Certificate}}
}

// showing is trusting with a certificate of the client's.
func (w *world) showing(p *certs.Pair) certs.ClientConfig {
	c := w.trusting()
	c.Certificate = p.TLS()
	return c
}

// secure is a check of the server at address, called localhost, by TLS.
func secure(t *testing.T, address string, c certs.ClientConfig) check.Config {
	t.Helper()
	source, err := certs.NewClient(c)
	if err != nil {
		t.Fatal(err)
	}
	config := plain(address)
	config.Dialer.TLS = source.TLSConfig("localhost")
	return config
}

// plain is a check of the server at address without TLS.
func plain(address string) check.Config {
	return check.Config{Dialer: &client.Dialer{Address: address, Timeout: 5 * time.Second}, Timeout: patience}
}

// quick is c with little patience for the login.
func quick(c check.Config) check.Config {
	c.Dialer.Timeout = patience
	return c
}

// as is c with a login.
func as(c check.Config, user, password string) check.Config {
	c.Dialer.User, c.Dialer.Password = user, password
	return c
}

// alice is a login that admits alice with the password "secret".
type alice struct{}

func (alice) Method(*server.Session) byte { return 0x02 }

func (alice) Authenticate(_ context.Context, _ *server.Session, login server.Login) (server.Identity, error) {
	if login != (server.Login{Name: "alice", Password: "secret"}) {
		return server.Identity{}, server.ErrLogin
	}
	return server.Identity{User: login.Name, Method: "password"}, nil
}

// deny is a policy that denies at a stage.
func deny(at server.Stage) server.Policy {
	return server.PolicyFunc(func(_ context.Context, s *server.Session, t server.Target) error {
		if t.Stage == at && (at != server.StageRequest || s.Command == "connect") {
			return server.ErrDenied
		}
		return nil
	})
}

// inspector is a box on the way to the server at address: it opens TLS, with a
// certificate that it makes for the name that it is asked for, and passes on what it
// reads.
func (w *world) inspector(t *testing.T, address string) string {
	t.Helper()
	return answer(t, func(c net.Conn) {
		near := tls.Server(c, &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			pair, err := w.other.Server([]string{hello.ServerName}, certs.Options{})
			if err != nil {
				return nil, err
			}
			return pair.TLS(), nil
		}})
		if near.Handshake() != nil {
			return
		}
		far, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			return
		}
		defer far.Close()
		go io.Copy(far, near) // ends with near
		io.Copy(near, far)
	})
}

// standard is a TLS server that knows RFC 1928 and nothing more: what it is asked by
// a private command it refuses, and the rest it leaves to the plain server at address.
func (w *world) standard(t *testing.T, address string) string {
	t.Helper()
	config := w.tlsServer(t, certs.ServerConfig{})
	return answer(t, func(c net.Conn) {
		near := tls.Server(c, config)
		defer near.Close()
		head := make([]byte, 3) // of a greeting with one method
		if _, err := io.ReadFull(near, head); err != nil {
			return
		}
		near.Write([]byte{5, 0})
		request := make([]byte, 10)
		if _, err := io.ReadFull(near, request); err != nil {
			return
		}
		if request[1] > 3 {
			near.Write([]byte{5, 7, 0, 1, 0, 0, 0, 0, 0, 0})
			return
		}
		far, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		defer far.Close()
		far.Write(append(head, request...))
		io.ReadFull(far, make([]byte, 2))
		go func() { // ends with either
			io.Copy(far, near)
			far.Close()
		}()
		io.Copy(near, far)
	})
}

// echoUDP is an address that sends datagrams back; silentUDP is one that does not.
func echoUDP(t *testing.T) string {
	t.Helper()
	return udp(t, func(pc net.PacketConn, b []byte, from net.Addr) { pc.WriteTo(b, from) })
}

func silentUDP(t *testing.T) string {
	t.Helper()
	return udp(t, func(net.PacketConn, []byte, net.Addr) {})
}

func udp(t *testing.T, f func(net.PacketConn, []byte, net.Addr)) string {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { // ends when pc is closed
		buf := make([]byte, 2048)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			f(pc, buf[:n], from)
		}
	})
	t.Cleanup(func() {
		pc.Close()
		running.Wait()
	})
	return pc.LocalAddr().String()
}

// text is what a report says of how its steps went.
func text(r *check.Report) string {
	var b strings.Builder
	for _, s := range r.Steps {
		b.WriteString(strings.Join([]string{s.Name, string(s.Status), s.Found, s.Why, s.Next}, " | ") + "\n")
	}
	return b.String()
}

// named returns the step of a name, and the zero Step if there is none.
func named(r *check.Report, name string) check.Step {
	for _, s := range r.Steps {
		if s.Name == name {
			return s
		}
	}
	return check.Step{}
}
