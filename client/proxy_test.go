package client_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder is a conn that keeps what it reads, and in how many reads.
type recorder struct {
	net.Conn
	mu    sync.Mutex
	reads [][]byte
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	if n > 0 {
		r.reads = append(r.reads, bytes.Clone(p[:n]))
	}
	return n, err
}

// script is what a proxy does with one connection, counted from 0.
type script func(t *testing.T, n int, c *recorder)

// serve runs a proxy of script on loopback and returns its address. With config
// it speaks TLS.
func serve(t *testing.T, config *tls.Config, f script) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { serveOne(t, c, config, f, n) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		wg.Wait()
	})
	return ln.Addr().String()
}

func serveOne(t *testing.T, c net.Conn, config *tls.Config, f script, n int) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if config == nil {
		f(t, n, &recorder{Conn: c})
		return
	}
	s := tls.Server(c, config)
	if s.Handshake() != nil {
		return
	}
	defer s.Close()
	f(t, n, &recorder{Conn: s})
}

// expect reads want and nothing more.
func expect(t *testing.T, r io.Reader, want string) bool {
	t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(r, got)
	if string(got[:n]) != want {
		t.Errorf("proxy got % x, %v, want % x", got[:n], err, want)
		return false
	}
	return true
}

// steps reads and answers, pair by pair, and fails when what is to come next
// came with what was to come before.
func steps(pairs ...string) script {
	return func(t *testing.T, _ int, c *recorder) {
		for i := 0; i < len(pairs); i += 2 {
			buf := make([]byte, 1024)
			n, err := c.Read(buf)
			if got := string(buf[:n]); got != pairs[i] {
				t.Errorf("proxy read % x, %v at step %d, want % x", got, err, i/2, pairs[i])
				return
			}
			io.WriteString(c, pairs[i+1])
		}
		io.Copy(c, c)
	}
}

// The words of RFC 1928 that the tests are made of.
const (
	greetNone  = "\x05\x01\x00"
	greetBoth  = "\x05\x02\x00\x02"
	greetLogin = "\x05\x01\x02"
	takeNone   = "\x05\x00"
	takeLogin  = "\x05\x02"
	login      = "\x01\x05alice\x06secret"
	loginOK    = "\x01\x00"
	askName    = "\x05\x01\x00\x03\x0bexample.org\x00\x50"
	replyOK    = "\x05\x00\x00\x01\x7f\x00\x00\x02\x12\x34"
)

// network is a CA with a server and a client certificate.
type network struct {
	ca             *certs.CA
	server, client *tls.Certificate
	roots          *x509.CertPool
}

func newNetwork(t testing.TB) *network {
	t.Helper()
	ca, err := certs.NewCA("test", certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server, err := ca.Server([]string{"localhost", "127.0.0.1"}, certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	user, err := ca.Client("alice", certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.Certificate)
	return &network{ca, server.TLS(), user.TLS(), roots}
}

func (n *network) serverConfig() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{*n.server}}
}

func (n *network) clientConfig() *tls.Config { return &tls.Config{RootCAs: n.roots} }

// ours makes config that of a server which selects our ALPN.
func ours(config *tls.Config) *tls.Config {
	config.NextProtos = []string{client.ALPN}
	return config
}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// wantProxyError fails unless err is a ProxyError of op.
func wantProxyError(t *testing.T, err error, op string) *client.ProxyError {
	t.Helper()
	fault, ok := errors.AsType[*client.ProxyError](err)
	if !ok || fault.Op != op {
		t.Fatalf("got %T %v, want a ProxyError of %q", err, err, op)
	}
	return fault
}

// echo sends a line through c and wants it back, then ends it.
func echo(t *testing.T, c net.Conn) {
	t.Helper()
	defer c.Close()
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if string(got) != "hello" || err != nil {
		t.Fatalf("got %q, %v, want hello", got, err)
	}
}
