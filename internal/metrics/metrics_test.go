package metrics_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/metrics"
	"github.com/socksctl/socksctl/internal/proxytest"
	"github.com/socksctl/socksctl/server"
)

// What a session moves shows while it runs, and stays when it has ended.
func TestConnectWhileItRuns(t *testing.T) {
	r := start(t, new(server.Server))
	c, err := r.client().DialContext(t.Context(), "tcp", proxytest.Echo(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	running := samples{
		`sessions_active{command="connect",listener="` + r.addr + `"}`: 1,
		`bytes_total{command="connect",direction="up"}`:                5,
		`bytes_total{command="connect",direction="down"}`:              5,
		`handshake_duration_seconds_count{stage="greeting"}`:           1,
		`handshake_duration_seconds_count{stage="login"}`:              1,
		`handshake_duration_seconds_count{stage="dial"}`:               1,
		`handshake_duration_seconds_count{stage="tls"}`:                0,
		`auth_attempts_total{method="none",result="ok"}`:               1,
		`session_duration_seconds_count`:                               0,
		`sessions_total{command="connect",result="ok"}`:                0,
		`bind_waiting`: 0,
	}
	if err := talk(c, "hello"); err != nil {
		t.Fatal(err)
	}
	r.until(t, `bytes_total{command="connect",direction="up"}`, 5) // a relay counts what it has sent
	r.until(t, `bytes_total{command="connect",direction="down"}`, 5)
	r.scrape(t).want(t, running)
	c.Close()
	r.ended(t)
	running[`sessions_active{command="connect",listener="`+r.addr+`"}`] = 0
	running[`session_duration_seconds_count`] = 1
	running[`sessions_total{command="connect",result="ok"}`] = 1
	r.scrape(t).want(t, running)
}

func TestBindWaiting(t *testing.T) {
	r := start(t, new(server.Server))
	l, err := r.client().Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	active := `sessions_active{command="bind",listener="` + r.addr + `"}`
	r.until(t, "bind_waiting", 1) // it begins after the reply
	r.scrape(t).want(t, samples{active: 1})
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(peer, "hi"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	r.until(t, `bytes_total{command="bind",direction="down"}`, 2)
	r.scrape(t).want(t, samples{"bind_waiting": 0, active: 1})
}

func TestDatagrams(t *testing.T) {
	r := start(t, &server.Server{Policy: server.PolicyFunc(func(_ context.Context, _ *server.Session, to server.Target) error {
		if to.Port() == 9 {
			return server.ErrDenied
		}
		return nil
	})})
	far, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	d := r.client()
	pc, err := d.ListenPacket(t.Context(), "udp", "")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	for _, to := range []net.Addr{&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}, far.LocalAddr()} {
		if _, err := pc.WriteTo([]byte("ping"), to); err != nil {
			t.Fatal(err)
		}
	}
	b := make([]byte, 100)
	_, from, err := far.ReadFrom(b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := far.WriteTo([]byte("x"), from); err != nil {
		t.Fatal(err)
	}
	if _, _, err := pc.ReadFrom(b); err != nil {
		t.Fatal(err)
	}
	want := samples{
		`udp_datagrams_total{direction="up"}`:         1,
		`udp_datagrams_total{direction="down"}`:       1,
		`udp_dropped_total{reason="denied"}`:          1,
		`udp_dropped_total{reason="malformed"}`:       0,
		`bytes_total{command="udp",direction="up"}`:   4,
		`bytes_total{command="udp",direction="down"}`: 1,
		`acl_decisions_total{action="allow"}`:         1, // the association: datagrams are apart
		`acl_decisions_total{action="block"}`:         0,
	}
	r.scrape(t).want(t, want)
	pc.Close()
	r.ended(t)
	r.scrape(t).want(t, want)
}

func TestRefusals(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	r := start(t, &server.Server{Policy: server.PolicyFunc(func(_ context.Context, _ *server.Session, to server.Target) error {
		if to.Host == "no.example" {
			return server.ErrDenied
		}
		return nil
	})})
	for _, to := range []string{l.Addr().String(), "no.example:80"} {
		if c, err := r.client().DialContext(t.Context(), "tcp", to); err == nil {
			c.Close()
			t.Errorf("%s was reached", to)
		}
		r.ended(t)
	}
	r.scrape(t).want(t, samples{
		`dial_errors_total{reply="connection_refused"}`:                1,
		`dial_errors_total{reply="not_allowed"}`:                       0, // it was not tried
		`sessions_total{command="connect",result="failed"}`:            1,
		`sessions_total{command="connect",result="denied"}`:            1,
		`acl_decisions_total{action="allow"}`:                          2, // the request, and the address dialled
		`acl_decisions_total{action="block"}`:                          1,
		`session_duration_seconds_count`:                               1, // the other was not admitted
		`handshake_duration_seconds_count{stage="dial"}`:               0,
		`handshake_duration_seconds_count{stage="greeting"}`:           2,
		`sessions_active{command="connect",listener="` + r.addr + `"}`: 0,
	})
}

func TestTLSErrors(t *testing.T) {
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
	r := start(t, &server.Server{TLS: source.TLSConfig()})
	for want, do := range map[string]func(c net.Conn){
		certs.ReasonNotTLS:    func(c net.Conn) { io.WriteString(c, "GET / HTTP/1.1\r\n\r\n") },
		certs.ReasonTruncated: func(c net.Conn) { c.Write([]byte{0x16, 3, 1, 2}) },
		certs.ReasonRefused:   func(c net.Conn) { tls.Client(c, &tls.Config{ServerName: "localhost"}).Handshake() },
		certs.ReasonVersion: func(c net.Conn) {
			tls.Client(c, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}).Handshake()
		},
	} {
		c := r.dial(t)
		do(c)
		c.Close()
		r.ended(t)
		r.scrape(t).want(t, samples{`tls_handshake_errors_total{reason="` + want + `"}`: 1})
	}
	d := &client.Dialer{Address: r.addr, TLS: &tls.Config{InsecureSkipVerify: true}}
	c, err := d.DialContext(t.Context(), "tcp", proxytest.Echo(t))
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	r.ended(t)
	r.scrape(t).want(t, samples{
		`sessions_total{command="none",result="tls"}`:    4,
		`handshake_duration_seconds_count{stage="tls"}`:  1,
		`handshake_duration_seconds_count{stage="dial"}`: 1,
	})
}

// Those who are let in and those who are not are counted by method.
func TestLogins(t *testing.T) {
	r := start(t, &server.Server{Auth: []server.Authenticator{passwords{}}})
	for _, user := range []string{"alice", "mallory"} {
		d := r.client()
		d.User, d.Password = user, "secret"
		if c, err := d.DialContext(t.Context(), "tcp", proxytest.Echo(t)); err == nil {
			c.Close()
		}
		r.ended(t)
	}
	if c, err := r.client().DialContext(t.Context(), "tcp", "127.0.0.1:9"); err == nil {
		c.Close()
		t.Error("let in without a login")
	}
	r.ended(t)
	r.scrape(t).want(t, samples{
		`auth_attempts_total{method="password",result="ok"}`:       1,
		`auth_attempts_total{method="password",result="wrong"}`:    1,
		`auth_attempts_total{method="unknown",result="no_method"}`: 1,
		`auth_attempts_total{method="none",result="ok"}`:           0,
		`sessions_total{command="none",result="login"}`:            2,
	})
}

// passwords lets alice in, whatever her password.
type passwords struct{}

func (passwords) Method(*server.Session) byte { return 2 }

func (passwords) Authenticate(_ context.Context, _ *server.Session, l server.Login) (server.Identity, error) {
	if l.Name != "alice" {
		return server.Identity{}, server.ErrLogin
	}
	return server.Identity{User: l.Name, Method: "password"}, nil
}

// What others know is asked for at the moment of the scrape.
func TestAsked(t *testing.T) {
	s := new(server.Server)
	c := config(s, "unix:/\xff")
	expiry, dropped := time.Unix(5, 0), int64(0)
	c.CertificateExpiry = func() time.Time { return expiry }
	c.HistoryDropped = func() int64 { dropped++; return dropped }
	c.Upstreams = func() []metrics.Upstream {
		return []metrics.Upstream{{"twice", true, time.Second, 4}, {"twice", false, 0, 0}, {"down", false, 0, 0}}
	}
	m := metrics.New(c)
	m.Reloaded(time.UnixMilli(1500), true)
	scrape(t, m).want(t, samples{
		"tls_certificate_expiry_timestamp_seconds": 5, "history_queue_dropped_total": 1,
		`upstream_up{server="twice"}`: 1, `upstream_up{server="down"}`: 0, `upstream_latency_seconds{server="twice"}`: 1,
		`upstream_warm{server="twice"}`: 4, `upstream_warm{server="down"}`: 0,
		"config_last_reload_success_timestamp_seconds":               1.5,
		"config_last_reload_successful":                              1,
		"sessions_active{command=\"udp\",listener=\"unix:/\uFFFD\"}": 0,
	})
	expiry = time.Time{}
	m.Reloaded(time.UnixMilli(2500), false)
	got := scrape(t, m)
	got.want(t, samples{"history_queue_dropped_total": 2, "config_last_reload_successful": 0, "config_last_reload_success_timestamp_seconds": 1.5})
	for _, none := range []string{"socksctl_tls_certificate_expiry_timestamp_seconds", `socksctl_upstream_latency_seconds{server="down"}`} {
		if v, ok := got[none]; ok {
			t.Errorf("%s: got %v, want no value", none, v)
		}
	}
}
