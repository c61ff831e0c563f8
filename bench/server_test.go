package bench

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"testing"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/forwarder"
	"github.com/socksctl/socksctl/server"
)

// mutual is both ends of mutual TLS, over certificates of one CA.
type mutual struct {
	ca             *x509.Certificate
	server, client *certs.Pair
}

func newMutual(t testing.TB) *mutual {
	t.Helper()
	ca, err := certs.NewCA("bench", certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := &mutual{ca: ca.Certificate}
	if m.server, err = ca.Server([]string{"localhost"}, certs.Options{}); err != nil {
		t.Fatal(err)
	}
	if m.client, err = ca.Client("alice", certs.Options{}); err != nil {
		t.Fatal(err)
	}
	return m
}

// serverTLS is what socksctl serve uses.
func (m *mutual) serverTLS(t testing.TB) *tls.Config {
	t.Helper()
	s, err := certs.NewServer(certs.ServerConfig{
		Certificate: m.server.TLS(), ClientCAs: []*x509.Certificate{m.ca}, ALPN: []string{client.ALPN},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.TLSConfig()
}

// clientTLS is what socksctl forward uses.
func (m *mutual) clientTLS(t testing.TB) *tls.Config {
	t.Helper()
	c, err := certs.NewClient(certs.ClientConfig{CAs: []*x509.Certificate{m.ca}, Certificate: m.client.TLS()})
	if err != nil {
		t.Fatal(err)
	}
	return c.TLSConfig("localhost")
}

// bare is mutual TLS as crypto/tls has it, without this module.
func (m *mutual) bare() (server, client *tls.Config) {
	pool := x509.NewCertPool()
	pool.AddCert(m.ca)
	server = &tls.Config{
		Certificates: []tls.Certificate{*m.server.TLS()}, MinVersion: tls.VersionTLS12,
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
	}
	client = &tls.Config{
		Certificates: []tls.Certificate{*m.client.TLS()}, MinVersion: tls.VersionTLS12,
		RootCAs: pool, ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(1),
	}
	return server, client
}

// start serves s on loopback until the test ends, inside TLS if it has a
// configuration for it, and returns its address.
func start(t testing.TB, s *server.Server) string {
	t.Helper()
	serve := s.Serve
	if s.TLS != nil {
		serve = s.ServeTLS
	}
	l := listen(t)
	done := make(chan error, 1)
	go func() { done <- serve(l) }() // ends with s.Close
	t.Cleanup(func() {
		s.Close()
		if err := <-done; !errors.Is(err, server.ErrServerClosed) {
			t.Errorf("serve: got %v, want ErrServerClosed", err)
		}
	})
	return l.Addr().String()
}

// startForwarder starts a server inside mutual TLS and a forwarder to it, and
// returns the forwarder's address.
func startForwarder(t testing.TB) string {
	t.Helper()
	m := newMutual(t)
	far := start(t, &server.Server{TLS: m.serverTLS(t)})
	return start(t, forwarder.New(&client.Dialer{Address: far, TLS: m.clientTLS(t)}))
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// operation is what a benchmark repeats, in several goroutines at once.
type operation func() error

// measure repeats do and tells how often a second, under the name unit.
func measure(b *testing.B, unit string, do operation) {
	if err := do(); err != nil { // what is set up once, such as a session to resume
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetParallelism(4)
	before := cpuTime(b)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := do(); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), unit)
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
}
