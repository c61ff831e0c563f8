package metrics_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/internal/metrics"
	"github.com/socksctl/socksctl/server"
)

// loud is a policy that names a rule after what the client asked for.
func loud(_ context.Context, s *server.Session, to server.Target) error {
	s.SetRule(to.Host)
	return server.ErrDenied
}

// hostile is what clients may send after a greeting without login, which each may
// make up anew.
func hostile(i int) [][]byte {
	name := fmt.Sprintf("%d-\"}\n# \xff.example", i)
	request := func(command byte) []byte {
		return append(append([]byte{5, 1, 0, 5, command, 0, 3, byte(len(name))}, name...), 0, 80)
	}
	return [][]byte{
		request(byte(i)), request(1), request(2), request(3),
		append(request(0xF3), "\x00\x05\xff\x03\x01x\x00\x50hello"...),
		[]byte(name), {5, 255}, {4, byte(i)}, {5, 1, byte(i)},
	}
}

// Whatever clients send, there is no series more than before they came.
func TestHostileClients(t *testing.T) {
	r := start(t, &server.Server{Policy: server.PolicyFunc(loud)})
	before := r.series(t)
	var wg sync.WaitGroup
	const clients = 256
	for worker := range 8 {
		wg.Go(func() {
			for i := worker; i < clients; i += 8 {
				for _, bytes := range hostile(i) {
					r.say(t, bytes)
				}
			}
		})
	}
	wg.Wait()
	for range clients * len(hostile(0)) {
		r.ended(t)
	}
	if diff := cmp.Diff(before, r.series(t)); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
	ended := 0.0
	for name, v := range r.scrape(t) {
		if strings.HasPrefix(name, "socksctl_sessions_total") {
			ended += v
		}
	}
	if want := float64(clients * len(hostile(0))); ended != want {
		t.Errorf("%v sessions were counted, want %v", ended, want)
	}
}

// say sends bytes, and reads until the server has closed the connection.
func (r *rig) say(t *testing.T, bytes []byte) {
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	_, _ = c.Write(bytes)
	_ = c.(*net.TCPConn).CloseWrite()
	_, _ = io.Copy(io.Discard, c)
}

func TestHostileTLSClients(t *testing.T) {
	ca, err := certs.NewCA("test", certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Server([]string{"localhost"}, certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	source, err := certs.NewServer(certs.ServerConfig{Certificate: pair.TLS(), ClientAuth: certs.ClientAuthNone})
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, &server.Server{TLS: source.TLSConfig(), Auth: []server.Authenticator{passwords{}}})
	before := r.series(t)
	const clients = 50
	for i := range clients {
		c := r.dial(t)
		peer := tls.Client(c, &tls.Config{
			InsecureSkipVerify: true, ServerName: fmt.Sprintf("n%d.example", i), NextProtos: []string{fmt.Sprint("p", i)},
			MinVersion: tls.VersionTLS10, MaxVersion: uint16(tls.VersionTLS10 + i%4),
		})
		if peer.Handshake() == nil {
			user := fmt.Sprint("user", i)
			_, _ = peer.Write(append(append([]byte{5, 1, 2, 1, byte(len(user))}, user...), 1, 'x'))
		}
		c.Close()
		r.ended(t)
	}
	if diff := cmp.Diff(before, r.series(t)); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
}

// naive is an Authenticator that takes the method's name from the client.
type naive struct{}

func (naive) Method(*server.Session) byte { return 2 }

func (naive) Authenticate(_ context.Context, _ *server.Session, l server.Login) (server.Identity, error) {
	return server.Identity{}, &server.LoginError{Method: l.Name, Reason: server.LoginReason(l.Password)}
}

// Nor do names that come from a program which embeds the server.
func TestNaiveEmbedder(t *testing.T) {
	r := start(t, &server.Server{Auth: []server.Authenticator{naive{}}})
	before := r.series(t)
	for i := range 20 {
		r.say(t, fmt.Appendf(nil, "\x05\x01\x02\x01\x03m%02d\x03r%02d", i, i))
		r.ended(t)
	}
	after := r.series(t)
	if len(after) != len(before)+1 {
		t.Errorf("got %d series after %d, want one more", len(after), len(before))
	}
	r.scrape(t).want(t, samples{`auth_attempts_total{method="other",result="other"}`: 20})
}

// series returns the names and labels of what is told.
func (r *rig) series(t *testing.T) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(r.scrape(t)))
}

// What is told is bounded in number from the first scrape on.
func TestSeriesCount(t *testing.T) {
	const atMost = 150
	if n := len(scrape(t, metrics.New(config(new(server.Server), "127.0.0.1:1080")))); n > atMost {
		t.Errorf("got %d series, want %d at most", n, atMost)
	}
}
