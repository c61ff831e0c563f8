package check_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/socksctl/socksctl/certs"
	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/forwarder"
	"github.com/socksctl/socksctl/internal/check"
	"github.com/socksctl/socksctl/internal/proxytest"
	"github.com/socksctl/socksctl/server"
)

// statuses is the steps of a report, in their order, each with how it went.
func statuses(r *check.Report) string {
	var all []string
	for _, s := range r.Steps {
		all = append(all, strings.ReplaceAll(s.Name, " ", "-")+":"+string(s.Status))
	}
	return strings.Join(all, " ")
}

// setUp is a way to set up a proxy, and how the steps go.
type setUp struct {
	config func(*testing.T, *world) check.Config
	want   string
}

// setUps are all that work.
func setUps() map[string]setUp {
	const secureSteps = "TCP:ok TLS:ok certificate:ok client-certificate:ok login:ok CONNECT:ok BIND:ok "
	const plainSteps = "TCP:ok TLS:skipped login:ok CONNECT:ok BIND:ok UDP-in-TLS:skipped "
	echo := func(t *testing.T) string { return answer(t, func(c net.Conn) { io.Copy(c, c) }) }
	mutual := func(t *testing.T, w *world) check.Config {
		s := &server.Server{TLS: w.tlsServer(t, w.mutual())}
		return secure(t, serve(t, s), w.showing(made(t)(w.ca.Client("me", certs.Options{}))))
	}
	return map[string]setUp{
		"mutual TLS": {mutual, secureSteps + "UDP-in-TLS:ok UDP:untested"},
		"targets": {func(t *testing.T, w *world) check.Config {
			c := mutual(t, w)
			c.Target, c.UDPTarget = echo(t), echoUDP(t)
			return c
		}, secureSteps + "UDP-in-TLS:ok UDP:ok"},
		"password in TLS": {func(t *testing.T, w *world) check.Config {
			s := &server.Server{TLS: w.tlsServer(t, certs.ServerConfig{}), Auth: []server.Authenticator{alice{}}}
			return as(secure(t, serve(t, s), w.trusting()), "alice", "secret")
		}, secureSteps + "UDP-in-TLS:ok UDP:untested"},
		"datagrams beside TLS": {func(t *testing.T, w *world) check.Config {
			c := mutual(t, w)
			c.Dialer.UDP, c.UDPTarget = client.UDPPlain, echoUDP(t)
			return c
		}, secureSteps + "UDP-in-TLS:skipped UDP:ok"},
		"a certificate that is asked for": {func(t *testing.T, w *world) check.Config {
			c := w.mutual()
			c.ClientAuth = certs.ClientAuthRequest
			return secure(t, serve(t, &server.Server{TLS: w.tlsServer(t, c)}), w.trusting())
		}, secureSteps + "UDP-in-TLS:ok UDP:untested"},
		"plain": {func(t *testing.T, _ *world) check.Config {
			c := plain(serve(t, new(server.Server)))
			c.UDPTarget = echoUDP(t)
			return c
		}, plainSteps + "UDP:ok"},
		"forwarder": {func(t *testing.T, w *world) check.Config {
			far := mutual(t, w).Dialer
			c := plain(serve(t, forwarder.New(far)))
			c.Target, c.UDPTarget = echo(t), echoUDP(t)
			return c
		}, plainSteps + "UDP:ok"},
		"unix socket": {func(t *testing.T, _ *world) check.Config {
			path := filepath.Join(t.TempDir(), "s")
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			s := &server.Server{Auth: []server.Authenticator{server.NoAuth{}}}
			done := make(chan error, 1)
			go func() { done <- s.Serve(l) }() // ends with the test
			t.Cleanup(func() { s.Close(); <-done })
			c := plain(path)
			c.Dialer.Network = "unix"
			return c
		}, plainSteps + "UDP:untested"},
	}
}

// Each way to set up a proxy that works is found to work, step by step.
func TestWorks(t *testing.T) {
	for name, tt := range setUps() {
		t.Run(name, func(t *testing.T) {
			seen := new(check.Report)
			config := tt.config(t, newWorld(t))
			config.Done = func(s check.Step) { seen.Steps = append(seen.Steps, s) }
			r := check.Run(t.Context(), config)
			if got := statuses(r); got != tt.want || r.Failed() != nil {
				t.Errorf("got %s\nwant %s\n%s", got, tt.want, text(r))
			}
			if statuses(seen) != statuses(r) {
				t.Errorf("told of %s, reported %s", statuses(seen), statuses(r))
			}
		})
	}
}

// What takes a step that failed is skipped, and what is independent of it is not.
func TestGoesAsFarAsItCan(t *testing.T) {
	w := newWorld(t)
	login := &server.Server{TLS: w.tlsServer(t, certs.ServerConfig{}), Auth: []server.Authenticator{alice{}}}
	noBind := &server.Server{Commands: server.CommandConnect | server.CommandUDP}
	strict := &server.Server{Policy: deny(server.StageRequest)}
	target := answer(t, func(c net.Conn) { io.Copy(c, c) })
	withTarget := plain(serve(t, noBind))
	withTarget.Target = target
	for name, tt := range map[string]struct {
		config check.Config
		want   string
	}{
		"TCP":      {plain(proxytest.Closed(t)), "TCP:failed TLS:skipped login:skipped CONNECT:skipped BIND:skipped UDP-in-TLS:skipped UDP:skipped"},
		"login":    {as(secure(t, serve(t, login), w.trusting()), "alice", "wrong"), "TCP:ok TLS:ok certificate:ok client-certificate:ok login:failed CONNECT:skipped BIND:skipped UDP-in-TLS:skipped UDP:skipped"},
		"BIND":     {plain(serve(t, noBind)), "TCP:ok TLS:skipped login:ok CONNECT:untested BIND:failed UDP-in-TLS:skipped UDP:untested"},
		"a target": {withTarget, "TCP:ok TLS:skipped login:ok CONNECT:ok BIND:failed UDP-in-TLS:skipped UDP:untested"},
		"own port": {plain(serve(t, strict)), "TCP:ok TLS:skipped login:ok CONNECT:untested BIND:ok UDP-in-TLS:skipped UDP:untested"},
	} {
		r := check.Run(t.Context(), tt.config)
		if got := statuses(r); got != tt.want {
			t.Errorf("%s: got %s\nwant %s\n%s", name, got, tt.want, text(r))
		}
		for _, s := range r.Steps {
			if (s.Status == check.Untested || s.Status == check.Skipped) && s.Why == "" {
				t.Errorf("%s: %s is %s, and not why", name, s.Name, s.Status)
			}
		}
	}
}

// What a step found is in the report.
func TestFound(t *testing.T) {
	w := newWorld(t)
	s := &server.Server{TLS: w.tlsServer(t, w.mutual())}
	me := made(t)(w.ca.Client("me", certs.Options{}))
	address := serve(t, s)
	r := check.Run(t.Context(), secure(t, address, w.showing(me)))
	for name, want := range map[string]string{
		check.StepTCP: address, check.StepTLS: `TLS 1.3, TLS_AES_128_GCM_SHA256, X25519MLKEM768, "socksctl/1"`,
		check.StepCertificate: `"CN=localhost" for "localhost", issued by "CN=our network", ends `, check.StepClient: `"CN=me", accepted, ends `,
		check.StepConnect: ", which BIND opened", check.StepBind: "connected to through the proxy", check.StepUDPInTLS: "inside the TLS connection",
	} {
		if got := named(r, name).Found; !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if r.Proxy != "socks5+tls://"+address {
		t.Errorf("got %s, want the URL", r.Proxy)
	}
}

// Certificates that end soon work, and are warned of.
func TestEndsSoon(t *testing.T) {
	w := newWorld(t)
	brief := certs.Options{Validity: 3 * 24 * time.Hour}
	c := w.mutual()
	c.Certificate = w.certificate(t, brief)
	me := made(t)(w.ca.Client("me", brief))
	r := check.Run(t.Context(), secure(t, serve(t, &server.Server{TLS: w.tlsServer(t, c)}), w.showing(me)))
	for _, name := range []string{check.StepCertificate, check.StepClient} {
		if s := named(r, name); s.Status != check.Warning || s.Why != "it ends soon" || s.Next == "" {
			t.Errorf("%s: got %+v, want a warning", name, s)
		}
	}
	if r.Failed() != nil {
		t.Errorf("got %+v, want no failure", r.Failed())
	}
}

// A pin takes a certificate that has ended, and a check says that it has.
func TestEndedAndPinned(t *testing.T) {
	w := newWorld(t)
	past := certs.Options{NotBefore: time.Now().Add(-48 * time.Hour), Validity: time.Hour}
	c := certs.ServerConfig{Certificate: w.certificate(t, past)}
	knows := certs.ClientConfig{Pins: []string{certs.SPKIPin(c.Certificate.Leaf)}}
	r := check.Run(t.Context(), secure(t, serve(t, &server.Server{TLS: w.tlsServer(t, c)}), knows))
	if s := named(r, check.StepCertificate); s.Status != check.Warning || s.Why != "it has ended, and counts by its pin" {
		t.Errorf("got %+v, want a warning", s)
	}
}

func TestCancelled(t *testing.T) {
	silent := answer(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := check.Run(ctx, plain(silent))
	if s := r.Failed(); s == nil || !errors.Is(s.Err, context.Canceled) {
		t.Errorf("got %s, want that it was cancelled", text(r))
	}
}

func TestReportAsJSON(t *testing.T) {
	r := &check.Report{Proxy: "socks5://p:1", Steps: []check.Step{
		{Name: check.StepTCP, Status: check.OK, Took: check.Latency(1234567), Found: "192.0.2.1:1"},
		{Name: check.StepLogin, Status: check.Failed, Cause: client.CauseLogin, Why: "wrong", Next: "look", Err: errors.New("wrong")},
	}}
	got, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"proxy":"socks5://p:1","steps":[{"step":"TCP","status":"ok","ms":1.234,"found":"192.0.2.1:1"},` +
		`{"step":"login","status":"failed","cause":"login","why":"wrong","next":"look"}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLatency(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1234567: "1.23ms", 12345 * time.Microsecond: "12ms", 1234567 * time.Microsecond: "1.23s", 0: "0s",
	} {
		if got := check.Latency(d).String(); got != want {
			t.Errorf("%d: got %s, want %s", d, got, want)
		}
	}
}

// A DNS server gets what it can answer, and anyone else a line of text.
func TestQuestion(t *testing.T) {
	var m dnsmessage.Message
	if err := m.Unpack(check.Question("192.0.2.1:53")); err != nil {
		t.Fatal(err)
	}
	want := dnsmessage.Question{Name: dnsmessage.MustNewName("."), Type: dnsmessage.TypeNS, Class: dnsmessage.ClassINET}
	if len(m.Questions) != 1 || m.Questions[0] != want || m.Response || !m.RecursionDesired {
		t.Errorf("got %+v, want the question for the name servers of the root", m)
	}
	if got := string(check.Question("192.0.2.1:5353")); got != "socksctl check" {
		t.Errorf("got %q", got)
	}
}
