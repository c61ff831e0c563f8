package forwarder_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/forwarder"
	"github.com/socksctl/socksctl/internal/errno"
	"github.com/socksctl/socksctl/internal/socks5"
	"github.com/socksctl/socksctl/server"
)

// patience bounds every wait of a test for what should come at once.
const patience = 5 * time.Second

// records keeps the records of sessions.
type records chan *server.Session

func (records) Opened(*server.Session)     {}
func (r records) Closed(s *server.Session) { r <- s }

// newLog returns a logger on w.
func newLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// forward serves a forwarder through u until the test ends, and returns where,
// and what it leaves.
func forward(t *testing.T, u forwarder.Upstream) (string, records) {
	t.Helper()
	listeners, err := forwarder.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f, r := forwarder.New(u), make(records, 10000)
	f.Observer = r
	served := make(chan error, 1)
	go func() { served <- f.Serve(listeners[0]) }()
	t.Cleanup(func() {
		f.Close()
		if err := <-served; !errors.Is(err, server.ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
	})
	return listeners[0].Addr().String(), r
}

// ask sends greeting and request to the forwarder and returns its reply.
func ask(t *testing.T, at string, command byte) socks5.Reply {
	t.Helper()
	c, err := net.DialTimeout("tcp", at, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write([]byte{5, 1, 0, 5, command, 0, 3, 9, 'h', 'o', 's', 't', '.', 't', 'e', 's', 't', 0, 80}); err != nil {
		t.Fatal(err)
	}
	var methods [2]byte
	if _, err := io.ReadFull(c, methods[:]); err != nil || methods != [2]byte{5, 0} {
		t.Fatalf("methods: got % x, %v", methods, err)
	}
	_, err = socks5.ReadReply(c)
	var reply socks5.Reply
	if err != nil && !errors.As(err, &reply) {
		t.Fatalf("read reply: %v", err)
	}
	return reply
}

// scripted is a SOCKS server that answers every greeting with method, every
// login with status and every request with the reply that says gives.
type scripted struct {
	tls            *tls.Config
	method, status byte
	says           func(command byte) byte
}

// serve returns the address of s, which it ends with the test.
func (s scripted) serve(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
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
			c.SetDeadline(time.Now().Add(patience))
			go s.answer(c) // ends by the deadline at the latest
		}
	}()
	return l.Addr().String()
}

func (s scripted) answer(c net.Conn) {
	defer c.Close()
	if s.tls != nil {
		c = tls.Server(c, s.tls)
	}
	if _, err := socks5.ReadGreeting(c); err != nil {
		return
	}
	c.Write([]byte{5, s.method})
	if s.method == socks5.MethodPassword {
		socks5.ReadLogin(c)
		c.Write([]byte{1, s.status})
		if s.status != 0 {
			return
		}
	}
	req, err := socks5.ReadRequest(c)
	if err != nil {
		return
	}
	c.Write([]byte{5, s.says(byte(req.Command)), 0, 1, 192, 0, 2, 1, 0, 9})
	io.Copy(io.Discard, c)
}

func always(reply byte) func(byte) byte { return func(byte) byte { return reply } }

// What the far server answers is what the app reads; a code that RFC 1928 does
// not have is 01.
func TestReplyOfFarServer(t *testing.T) {
	for far := range byte(12) {
		want := socks5.Reply(far)
		if far > 8 {
			want = socks5.GeneralFailure
		}
		addr := scripted{says: always(far)}.serve(t)
		at, records := forward(t, &client.Dialer{Address: addr})
		if got := ask(t, at, 1); got != want {
			t.Errorf("far reply %02x: got %02x, want %02x", far, byte(got), byte(want))
		}
		if s := <-records; far != 0 && (s.Err() == nil || s.Stage() != server.StageDial || s.Host != "host.test") {
			t.Errorf("far reply %02x: record %v at %v of %q", far, s.Err(), s.Stage(), s.Host)
		}
	}
}

// keys is a private CA and the certificate of a server.
type keys struct {
	ca     *certs.CA
	server *certs.Pair
}

func newKeys(t *testing.T) keys {
	t.Helper()
	ca, err := certs.NewCA("test", certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Server([]string{"127.0.0.1"}, certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return keys{ca, pair}
}

// config returns the server's side; mutual requires client certificates.
func (k keys) config(t *testing.T, mutual bool) *tls.Config {
	t.Helper()
	c := certs.ServerConfig{Certificate: k.server.TLS(), ALPN: []string{client.ALPN}}
	if mutual {
		c.ClientCAs = []*x509.Certificate{k.ca.Certificate}
	}
	s, err := certs.NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	return s.TLSConfig()
}

// trusting returns the client's side, which trusts the CA of k.
func (k keys) trusting(t *testing.T) *tls.Config {
	t.Helper()
	c, err := certs.NewClient(certs.ClientConfig{CAs: []*x509.Certificate{k.ca.Certificate}})
	if err != nil {
		t.Fatal(err)
	}
	return c.TLSConfig("127.0.0.1")
}

// A proxy that is at fault itself is 03, whatever is wrong with it: 05 would
// accuse the target.
func TestReplyWhenProxyFailsTLS(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := l.Addr().String()
	l.Close()
	k, other := newKeys(t), newKeys(t)
	yes := always(0)
	cases := map[string]*client.Dialer{
		"unreachable":            {Address: gone},
		"unreachable, TLS":       {Address: gone, TLS: k.trusting(t)},
		"unknown CA":             {Address: scripted{tls: k.config(t, false), says: yes}.serve(t), TLS: other.trusting(t)},
		"no client certificate":  {Address: scripted{tls: k.config(t, true), says: yes}.serve(t), TLS: k.trusting(t)},
		"no TLS there":           {Address: scripted{says: yes}.serve(t), TLS: k.trusting(t)},
		"no method":              {Address: scripted{method: 0xFF, says: yes}.serve(t)},
		"login refused":          {Address: scripted{method: 2, status: 1, says: yes}.serve(t), User: "u", Password: "p"},
		"login refused, TLS":     {Address: scripted{tls: k.config(t, false), method: 2, status: 1, says: yes}.serve(t), TLS: k.trusting(t), User: "u", Password: "p"},
		"a method not asked for": {Address: scripted{method: 2, says: yes}.serve(t)},
	}
	for name, d := range cases {
		t.Run(name, func(t *testing.T) {
			at, records := forward(t, d)
			for _, command := range []byte{1, 2, 3, 0xF3} {
				if got := ask(t, at, command); got != socks5.NetworkUnreachable {
					t.Errorf("command %02x: got %02x, want 03", command, byte(got))
				}
				var fault *client.ProxyError
				if s := <-records; !errors.As(s.Err(), &fault) {
					t.Errorf("command %02x: record %v, want a ProxyError", command, s.Err())
				}
			}
		})
	}
}

// Datagrams that would have to leave TLS are refused, and not sent.
func TestReplyWhenUDPIsNotEncrypted(t *testing.T) {
	k := newKeys(t)
	addr := scripted{tls: k.config(t, false), says: func(command byte) byte {
		if command == 3 {
			return 0 // what must not be asked for
		}
		return 7
	}}.serve(t)
	for mode, want := range map[client.UDPMode]socks5.Reply{client.UDPTLS: 2, client.UDPOff: 7, client.UDPPlain: 0} {
		at, _ := forward(t, &client.Dialer{Address: addr, TLS: k.trusting(t), UDP: mode})
		if got := ask(t, at, 3); got != want {
			t.Errorf("mode %v: got %02x, want %02x", mode, byte(got), byte(want))
		}
	}
}

// The app learns nothing of the proxy's login, and the proxy nothing of the
// app's: each side has its own.
func TestLoginsAreSeparate(t *testing.T) {
	addr := scripted{method: 2, says: always(0)}.serve(t)
	at, records := forward(t, &client.Dialer{Address: addr, User: "far", Password: "secret"})
	if got := ask(t, at, 1); got != socks5.Succeeded {
		t.Fatalf("got %02x", byte(got))
	}
	if s := <-records; s.Identity.User != "" || s.Identity.Method != "none" {
		t.Errorf("the app is %+v, want nobody", s.Identity)
	}
}

// The forwarder never gives up before its Dialer, nor the Dialer before the
// server, so that the code of the farthest is the one that counts.
func TestLimitsLeaveTheDialerTime(t *testing.T) {
	for _, d := range []*client.Dialer{{}, {Timeout: time.Second, ReplyTimeout: 2 * time.Second, BindTimeout: 3 * time.Second}} {
		reach, reply, bind := client.DefaultTimeout, client.DefaultReplyTimeout, client.DefaultBindTimeout
		if d.Timeout > 0 {
			reach, reply, bind = d.Timeout, d.ReplyTimeout, d.BindTimeout
		}
		got := forwarder.New(d).Limits
		if got.Connect <= reach+reply || got.BindWait <= bind {
			t.Errorf("limits %v and %v, but the dialer may take %v and %v", got.Connect, got.BindWait, reach+reply, bind)
		}
	}
}

func TestListenOnBothLoopbacks(t *testing.T) {
	listeners, err := forwarder.Listen(t.Context(), ":0")
	if err != nil {
		t.Fatal(err)
	}
	var hosts, ports []string
	for _, l := range listeners {
		host, port, _ := net.SplitHostPort(l.Addr().String())
		hosts, ports = append(hosts, host), append(ports, port)
	}
	if strings.Join(hosts, " ") != "127.0.0.1 ::1" || ports[0] != ports[1] || ports[0] == "0" {
		t.Errorf("got hosts %v, ports %v", hosts, ports)
	}
	if _, err := forwarder.Listen(t.Context(), ":"+ports[0]); !errno.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a port that is taken: %v", err)
	}
	listeners[0].Close()
	if _, err := forwarder.Listen(t.Context(), ":"+ports[0]); !errno.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a port that is taken on ::1: %v", err)
	}
	if l, err := net.Listen("tcp", "127.0.0.1:"+ports[0]); err != nil {
		t.Errorf("what Listen had opened is left open: %v", err)
	} else {
		l.Close()
	}
	listeners[1].Close()
}

func TestListenElsewhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for address, want := range map[string]string{"unix:" + path: path, "127.0.0.1:0": "127.0.0.1:", "0.0.0.0:0": ""} {
		listeners, err := forwarder.Listen(context.Background(), address)
		if err != nil || len(listeners) != 1 || !strings.HasPrefix(listeners[0].Addr().String(), want) {
			t.Fatalf("%s: got %v, %v", address, listeners, err)
		}
		if info, err := os.Stat(path); want == path && (err != nil || info.Mode() != fs.ModeSocket|0o600 && runtime.GOOS != "windows") {
			t.Errorf("%s: mode %v, %v", address, info.Mode(), err)
		}
		listeners[0].Close()
	}
	if _, err := forwarder.Listen(context.Background(), "nonsense"); err == nil {
		t.Error("nonsense: got no error")
	}
}
