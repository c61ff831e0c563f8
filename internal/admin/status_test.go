package admin_test

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/proxytest"
)

func TestReady(t *testing.T) {
	var why error
	s := &admin.Server{Ready: func() error { return why }}
	at := run(t, s, "127.0.0.1:0")
	get := func(path string, status int, body string) {
		t.Helper()
		if got, text := ask(t, at, "GET "+path, "Host: localhost"); got != status || !strings.Contains(text, body) {
			t.Errorf("%s: got %d %s, want %d %s", path, got, text, status, body)
		}
	}
	get("/readyz", 200, `{"status":"ok"}`)
	why = errors.New("draining")
	get("/readyz", 503, `{"status":"unready"}`)
	get("/healthz", 200, `{"status":"ok"}`) // it lives
	why = nil
	get("/readyz", 200, `{"status":"ok"}`)
}

// Whoever watches over a service has no token, and learns no more than that much.
func TestProbesTakeNoToken(t *testing.T) {
	s := &admin.Server{
		Token: func() string { return token }, Metrics: prometheus.NewRegistry(), Status: func() admin.Status { return admin.Status{} },
		Ready: func() error { return errors.New("what nobody is to know") },
	}
	at := run(t, s, "127.0.0.1:0")
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/metrics": 401, "/api/v1/status": 401} {
		status, body := ask(t, at, "GET "+path, "Host: localhost")
		if status != want || strings.Contains(body, "nobody") {
			t.Errorf("%s: got %d %s, want %d", path, status, body, want)
		}
		if status, _ := ask(t, at, "POST "+path, "Host: localhost"); status/100 != 4 {
			t.Errorf("POST %s: got %d", path, status)
		}
		if status, _ := ask(t, at, "GET "+path, "Host: localhost", "Authorization: Bearer "+token); status == 401 {
			t.Errorf("%s, with the token: got %d", path, status)
		}
	}
}

// A service that has nothing to tell is ready, and has no other page.
func TestNothingToTell(t *testing.T) {
	at := run(t, new(admin.Server), socket(t))
	for path, want := range map[string]int{"/readyz": 200, "/metrics": 404, "/api/v1/status": 404, "/debug/pprof/heap": 404} {
		if status, body := ask(t, at, "GET "+path, "Host: localhost"); status != want {
			t.Errorf("%s: got %d %s, want %d", path, status, body, want)
		}
	}
}

func TestStatus(t *testing.T) {
	want := admin.Status{
		Service: admin.Serve, Version: "v1", Started: time.Unix(5, 0).UTC(),
		Listeners: []admin.Listener{{Address: "127.0.0.1:1080", Protocol: "socks5"}},
		Sessions:  map[string]int{"connect": 3},
		Servers:   []admin.Upstream{{Server: "socks5+tls://a.example", Latency: 0.02, Warm: 2, Error: "refused"}},
	}
	var why error
	s := &admin.Server{Status: func() admin.Status { return want }, Ready: func() error { return why }}
	c := admin.Client{Address: socket(t)}
	run(t, s, c.Address)
	for _, why = range []error{nil, errors.New("draining")} {
		got, err := c.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		expected := want
		expected.Ready, expected.Reason = why == nil, ""
		if why != nil {
			expected.Reason = why.Error()
		}
		if diff := cmp.Diff(expected, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

// gatherer is what Prometheus asks.
type gatherer func() ([]*dto.MetricFamily, error)

func (g gatherer) Gather() ([]*dto.MetricFamily, error) { return g() }

// One part that fails does not take the others with it.
func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "answer", Help: "To everything."}, func() float64 { return 42 }))
	var failed error
	s := &admin.Server{Metrics: gatherer(func() ([]*dto.MetricFamily, error) {
		all, err := registry.Gather()
		return all, errors.Join(err, failed)
	})}
	at := run(t, s, "127.0.0.1:0")
	for _, failed = range []error{nil, errors.New("no")} {
		status, body := ask(t, at, "GET /metrics", "Host: localhost")
		if status != http.StatusOK || !strings.Contains(body, "\nanswer 42\n") {
			t.Errorf("got %d %s", status, body)
		}
	}
}

func TestPprof(t *testing.T) {
	s := &admin.Server{Pprof: true}
	unix, v4 := run(t, s, socket(t)), run(t, s, "127.0.0.1:0")
	for path, want := range map[string]int{
		"heap?gc=1": 200, "goroutine?debug=2": 200, "allocs": 200, "none": 404,
		"profile?seconds=1": 200, "trace?seconds=1": 200, "mutex?seconds=1": 200, "mutex?seconds=0": 400, "profile?seconds=x": 400, "profile?seconds=0": 400, "profile?seconds=999": 400,
	} {
		t.Run(path, func(t *testing.T) {
			if status, body := ask(t, unix, "GET /debug/pprof/"+path, "Host: localhost"); status != want || body == "" {
				t.Errorf("got %d and %d bytes, want %d", status, len(body), want)
			}
			if status, body := ask(t, v4, "GET /debug/pprof/"+path, "Host: localhost"); status != 403 && want != 404 || strings.Contains(body, "goroutine") {
				t.Errorf("on an address: got %d %s, want 403", status, body)
			}
		})
	}
}

// Two cannot sample at a time, and one who has left makes room.
func TestPprofOneAtATime(t *testing.T) {
	at := run(t, &admin.Server{Pprof: true}, socket(t))
	for _, name := range []string{"profile", "mutex"} {
		t.Run(name, func(t *testing.T) { oneAtATime(t, at, "GET /debug/pprof/"+name) })
	}
}

// isSampling tells whether a request for samples is being answered: the one that came
// second might be served first.
func isSampling() bool {
	stacks := make([]byte, 1<<20)
	return bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("internal/admin/pprof.go:"))
}

func oneAtATime(t *testing.T, at net.Addr, profile string) {
	t.Helper()
	hold := func() net.Conn {
		c := send(t, at, profile+"?seconds=30", "Host: localhost")
		for end := time.Now().Add(proxytest.Patience); !isSampling() && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		return c
	}
	first := hold()
	request := profile + "?seconds=1"
	for end := time.Now().Add(time.Minute); ; {
		status, _ := ask(t, at, request, "Host: localhost")
		if status == http.StatusConflict {
			break
		}
		if time.Now().After(end) {
			t.Fatal("two sampled at a time")
		}
		first.Close() // it may have come second
		first = hold()
	}
	first.Close()
	for end := time.Now().Add(time.Minute); ; {
		if status, _ := ask(t, at, request, "Host: localhost"); status == http.StatusOK {
			return
		}
		if time.Now().After(end) {
			t.Fatal("there is no room again")
		}
	}
}
