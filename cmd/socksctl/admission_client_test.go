package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/server"
)

// grounds is what the servers and clients of the table have in common: the files
// of their configuration, and the certificates that clients show.
type grounds struct {
	dir     string
	roots   *x509.CertPool
	clients map[string]*tls.Certificate
	sockets atomic.Int64 // paths of unix sockets given out
}

// newGrounds makes a directory with a user file, a program that knows whom it
// lists, the rule files by their names, the certificate of the server, the CA of
// clients and a list of the revoked.
func newGrounds(t *testing.T) *grounds {
	t.Helper()
	g := &grounds{dir: t.TempDir(), roots: x509.NewCertPool(), clients: make(map[string]*tls.Certificate)}
	hash, err := bcrypt.GenerateFromPassword([]byte("right"), bcrypt.MinCost)
	check(t, err)
	check(t, os.WriteFile(g.file("users"), []byte("alice:"+string(hash)+"\n"), 0o600))
	check(t, os.WriteFile(g.file("verify"), []byte(`read -r name; read -r password; [ "$name $password" = "alice right" ]`), 0o600))
	for _, r := range rules() {
		check(t, os.WriteFile(g.file(r.name), []byte(r.text), 0o600))
	}
	ca := newTestCA(t)
	check(t, ca.Write(g.dir, false))
	g.roots.AddCert(ca.Certificate)
	near, err := ca.Server([]string{"localhost"}, certs.Options{})
	check(t, err)
	check(t, near.Write(g.dir, "server", false))
	g.issue(t, "good", ca.Client, certs.Options{})
	g.issue(t, "foreign", newTestCA(t).Client, certs.Options{})
	g.issue(t, "expired", ca.Client, certs.Options{NotBefore: time.Now().Add(-48 * time.Hour), Validity: 24 * time.Hour})
	g.issue(t, "usage", func(name string, o certs.Options) (*certs.Pair, error) { return ca.Server([]string{name}, o) }, certs.Options{})
	g.issue(t, "revoked", ca.Client, certs.Options{})
	check(t, ca.Revoke(g.dir, "revoked"))
	return g
}

func newTestCA(t *testing.T) *certs.CA {
	t.Helper()
	ca, err := certs.NewCA("test", certs.Options{})
	check(t, err)
	return ca
}

// issue makes a certificate of carol's.
func (g *grounds) issue(t *testing.T, name string, by func(string, certs.Options) (*certs.Pair, error), o certs.Options) {
	t.Helper()
	pair, err := by("carol", o)
	check(t, err)
	check(t, pair.Write(g.dir, name, false))
	g.clients[name] = pair.TLS()
}

func (g *grounds) file(name string) string { return filepath.Join(g.dir, name) }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// dial connects as v to the first listener of s, which is at addr.
func (g *grounds) dial(s gate, v visit, addr net.Addr) (net.Conn, error) {
	network, address := addr.Network(), addr.String()
	if tcp, ok := addr.(*net.TCPAddr); ok {
		address = (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: tcp.Port}).String()
	}
	c, err := net.Dial(network, address)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(scriptLimit))
	if s.listener == "plain" || s.listener == "unix" {
		return c, nil
	}
	config := &tls.Config{RootCAs: g.roots, ServerName: "localhost", SessionTicketsDisabled: true}
	if own := g.clients[v.certificate]; own != nil { // shown whatever CA the server names
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own, nil }
	}
	return tls.Client(c, config), nil
}

// somewhere is a request to connect to 203.0.113.7:443.
const somewhere = "\x05\x01\x00\x01\xcb\x00\x71\x07\x01\xbb"

// ends is what the last answer of a server tells, with where it stands.
func ends(answer string) string {
	return map[string]string{
		"\x05\xff": noMethod,
		"\x01\x01": loginRefused,
		"\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00": denied,
		"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00": dialled, // and refused by the far end
	}[answer]
}

// talk goes through a conversation on c and returns the last answer, behind
// which nothing may come. A client that is refused asks for its request all the
// same.
func (v visit) talk(c net.Conn) (string, error) {
	answer, err := ask(c, "\x05"+field(v.offered), 2)
	if answer == "\x05\x02" {
		answer, err = ask(c, v.login(), 2)
	}
	switch {
	case err != nil:
		return "", err
	case answer == "\x05\x00", answer == "\x01\x00":
		answer, err = ask(c, somewhere, 10)
	default:
		_, err = io.WriteString(c, somewhere)
	}
	if err != nil {
		return answer, err
	}
	rest, err := io.ReadAll(c)
	return answer + string(rest), err
}

// login is the message of RFC 1929.
func (v visit) login() string {
	name, password := "alice", v.password
	switch password {
	case "unknown":
		name = "mallory"
	case "empty":
		password = ""
	}
	return "\x01" + field(name) + field(password)
}

// field is s behind its length.
func field(s string) string { return string([]byte{byte(len(s))}) + s }

func ask(c net.Conn, said string, size int) (string, error) {
	if _, err := io.WriteString(c, said); err != nil {
		return "", err
	}
	got := make([]byte, size)
	n, err := io.ReadFull(c, got)
	return string(got[:n]), err
}

// watchtower is the way out of a server, which refuses all, and its observer.
type watchtower struct {
	dials  chan *server.Session
	closed chan *server.Session
}

var _ server.Outbound = (*watchtower)(nil)

func newWatchtower() *watchtower {
	return &watchtower{dials: make(chan *server.Session, 100), closed: make(chan *server.Session, 100)}
}

func (w *watchtower) refuse(ctx context.Context) error {
	w.dials <- server.SessionFrom(ctx)
	return syscall.ECONNREFUSED
}

func (w *watchtower) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	return nil, w.refuse(ctx)
}

func (w *watchtower) Listen(ctx context.Context, _, _ string) (net.Listener, error) {
	return nil, w.refuse(ctx)
}

func (w *watchtower) ListenPacket(ctx context.Context, _, _ string) (net.PacketConn, error) {
	return nil, w.refuse(ctx)
}

func (w *watchtower) Opened(*server.Session)   {}
func (w *watchtower) Closed(s *server.Session) { w.closed <- s }
