package server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/internal/acl"
	"github.com/socksctl/socksctl/internal/auth"
	"github.com/socksctl/socksctl/server"
)

// post is a running station, its outbound and its observer.
type post struct {
	station
	addr net.Addr
	echo net.Addr
	keys keys
	cert *tls.Certificate // carol's

	mu     sync.Mutex
	asked  map[*server.Session]int
	opened map[*server.Session]int
	closed chan *server.Session
}

// DialContext refuses ports that are odd, and gives an echo behind the others.
func (p *post) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	_ = p.refuse(ctx)
	to, err := netip.ParseAddrPort("192.0.2.1" + address[strings.LastIndexByte(address, ':'):])
	if err != nil || to.Port()%2 == 1 {
		return nil, syscall.ECONNREFUSED
	}
	c, err := net.Dial("unix", p.echo.String())
	if err != nil {
		return nil, err
	}
	return &bound{c.(*net.UnixConn), net.TCPAddrFromAddrPort(to)}, nil
}

func (p *post) Listen(ctx context.Context, _, _ string) (net.Listener, error) {
	return nil, p.refuse(ctx)
}

func (p *post) ListenPacket(ctx context.Context, _, _ string) (net.PacketConn, error) {
	return nil, p.refuse(ctx)
}

// refuse counts what the session asks for.
func (p *post) refuse(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[server.SessionFrom(ctx)]++
	return syscall.ECONNREFUSED
}

func (p *post) Opened(s *server.Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opened[s]++
}

func (p *post) Closed(s *server.Session) { p.closed <- s }

// bound is a conn that says where it is bound.
type bound struct {
	*net.UnixConn
	addr net.Addr
}

func (b *bound) BoundAddr() net.Addr { return b.addr }

// posts starts every station, on unix sockets: TCP would run out of ports.
func posts(t testing.TB) (all []*post) {
	t.Helper()
	dir, k := t.TempDir(), newKeys(t)
	carol, err := k.ca.Client("carol", certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	echo := echoes(t, filepath.Join(dir, "echo"))
	var file bytes.Buffer
	for name, password := range users() {
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&file, "%s:%s\n", name, hash)
	}
	writeIn(t, dir, "users", file.String())
	const rule = "[global]\ndefault_policy = %q\n[[users]]\nname = \"alice\"\n[[users.rules]]\naction = %q\ndestinations = [\"203.0.113.0/24\", \"known.example\"]\n"
	writeIn(t, dir, "alice may", fmt.Sprintf(rule, "block", "allow"))
	writeIn(t, dir, "alice may not", fmt.Sprintf(rule, "allow", "block"))
	for _, secure := range []string{"", "none", "request", "require"} {
		for _, ways := range []string{"open", "users", "certificate", "either"} {
			for _, rule := range []string{"", "alice may", "alice may not"} {
				p := &post{station: station{secure, ways, rule, len(all)%3 == 0}, echo: echo, keys: k, cert: carol.TLS()}
				p.asked, p.opened = make(map[*server.Session]int), make(map[*server.Session]int)
				p.closed = make(chan *server.Session, 16)
				p.start(t, dir, filepath.Join(dir, fmt.Sprint(len(all))))
				all = append(all, p)
			}
		}
	}
	return all
}

func writeIn(t testing.TB, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// echoes sends back what comes, to the end.
func echoes(t testing.TB, path string) net.Addr {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() { // ends when l is closed
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { // ends with its peer
				defer c.Close()
				io.Copy(c, c)
			}()
		}
	}()
	return l.Addr()
}

// start serves p on a unix socket until the test ends.
func (p *post) start(t testing.TB, dir, path string) {
	t.Helper()
	passwords, err := auth.NewPassword(filepath.Join(dir, "users"), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &server.Server{Outbound: p, Observer: p, Limits: server.Limits{LoginFailures: -1}, Auth: map[string][]server.Authenticator{
		"open": {server.NoAuth{}}, "users": {passwords}, "certificate": {auth.Certificate(certs.IdentityCN)},
		"either": {auth.Certificate(certs.IdentityCN), passwords},
	}[p.ways]}
	if p.rule != "" {
		if s.Policy, err = acl.New(filepath.Join(dir, p.rule), acl.Options{AllowPrivate: true}); err != nil {
			t.Fatal(err)
		}
	}
	if p.noRelay {
		s.Commands = server.CommandConnect
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	p.addr = l.Addr()
	serve := s.Serve
	if p.secure != "" {
		s.TLS = p.keys.config(t, certs.ClientAuth(p.secure))
		serve = s.ServeTLS
	}
	done := make(chan error, 1)
	go func() { done <- serve(l) }() // ends with s.Close
	t.Cleanup(func() { s.Close(); <-done })
}
