package history_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/history"
	"github.com/socksctl/socksctl/server"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		endPostgres()
		os.Exit(code)
	}))
}

// known proves everyone by certificate.
type known struct{}

func (known) Method(*server.Session) byte { return 0 }
func (known) Authenticate(_ context.Context, s *server.Session, _ server.Login) (server.Identity, error) {
	return server.Identity{User: s.TLS.PeerCertificates[0].Subject.CommonName, Groups: []string{"staff"}, Method: "certificate"}, nil
}

// closed is told of sessions at their end.
type closed chan history.Record

func (c closed) Opened(*server.Session)   {}
func (c closed) Closed(s *server.Session) { c <- history.RecordOf(s) }

// secured serves s inside TLS, to alice alone, and returns her way and her
// certificate.
func secured(t *testing.T, s *server.Server) (*client.Dialer, *x509.Certificate) {
	t.Helper()
	ca, err := certs.NewCA("history", certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Server([]string{"localhost"}, certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	alice, err := ca.Client("alice", certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.Certificate)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{*pair.TLS()}, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.ServeTLS(l) }() // ends with Close
	t.Cleanup(func() {
		s.Close()
		if err := <-served; !errors.Is(err, server.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	config := &tls.Config{Certificates: []tls.Certificate{*alice.TLS()}, RootCAs: roots, ServerName: "localhost"}
	return &client.Dialer{Address: l.Addr().String(), TLS: config}, alice.Certificate
}

// The record of a session has all that is known of it.
func TestRecord(t *testing.T) {
	origin, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer origin.Close()
	records := make(closed, 1)
	s := &server.Server{
		Node: "n", Observer: records, Auth: []server.Authenticator{known{}},
		Policy: server.PolicyFunc(func(_ context.Context, s *server.Session, _ server.Target) error {
			s.SetRule("all of\x1b it")
			return nil
		}),
	}
	d, leaf := secured(t, s)
	to := origin.Addr().(*net.TCPAddr).AddrPort()
	c, err := d.DialContext(t.Context(), "tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := origin.Accept()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "hello")
	c.Close()
	if text, err := io.ReadAll(far); string(text) != "hello" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
	far.Close()
	got := <-records
	want := history.Record{
		ID: 1, Node: "n", Status: history.Closed, Reason: "ok", Stage: "relay", Listener: d.Address, TLS: "TLS 1.3", Serial: leaf.SerialNumber.Text(16),
		User: "alice", Groups: []string{"staff"}, Method: "certificate", Command: "connect", Host: "127.0.0.1", Port: int(to.Port()),
		Resolved: to, Rule: `all of\u001b it`, Up: 5,
	}
	rest := cmpopts.IgnoreFields(history.Record{}, "Start", "Active", "End", "Client", "Egress")
	if diff := cmp.Diff(want, got, rest, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got.Start.After(got.Active) || got.Active.After(got.End) || got.Client == "" || got.Egress != far.RemoteAddr().String() {
		t.Errorf("from %v, active %v, to %v, of %s by %s", got.Start, got.Active, got.End, got.Client, got.Egress)
	}
}

// The names in JSON are those that scripts rely on.
func TestRecordJSON(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	record := history.Record{ID: 2, Status: history.Open, Stage: "tls", Start: at, Active: at, Client: "c", Listener: "l"}
	want := `{"id":2,"status":"open","stage":"tls","start":"2026-01-02T03:04:05.000006Z","active":"2026-01-02T03:04:05.000006Z","client":"c","listener":"l","up":0,"down":0}`
	if got, err := json.Marshal(record); string(got) != want || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, cmp.Diff(want, string(got)))
	}
}
