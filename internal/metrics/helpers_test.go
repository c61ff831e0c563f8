package metrics_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/metrics"
	"github.com/socksctl/socksctl/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of a test for what should come at once.
const patience = 10 * time.Second

// rig is a server on loopback, with its metrics.
type rig struct {
	metrics *metrics.Metrics
	server  *server.Server
	addr    string
	closed  chan *server.Session
}

func (r *rig) Opened(*server.Session)   {}
func (r *rig) Closed(s *server.Session) { r.closed <- s }

// start serves s with metrics until the test ends.
func start(t *testing.T, s *server.Server, more ...server.Observer) *rig {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{server: s, addr: l.Addr().String(), closed: make(chan *server.Session, 10000)}
	r.metrics = metrics.New(config(s, r.addr))
	s.Observer = append(server.Observers{r.metrics}, append(more, r)...)
	serve := s.Serve
	if s.TLS != nil {
		serve = s.ServeTLS
	}
	served := make(chan error, 1)
	go func() { served <- serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; !errors.Is(err, server.ErrServerClosed) {
			t.Errorf("Serve returned %v, want ErrServerClosed", err)
		}
	})
	return r
}

// config has everything that a service may tell.
func config(s *server.Server, listeners ...string) metrics.Config {
	return metrics.Config{
		Server: s, Listeners: listeners, Version: "v1.2.3", Revision: "abc",
		CertificateExpiry: func() time.Time { return time.Unix(2e9, 0) },
		Upstreams: func() []metrics.Upstream {
			return []metrics.Upstream{{"a.example:1443", true, 20 * time.Millisecond, 3}, {"b.example:1443", false, 0, 0}}
		},
		HistoryDropped: func() int64 { return 7 },
	}
}

// ended waits for the record of a session.
func (r *rig) ended(t *testing.T) {
	t.Helper()
	select {
	case <-r.closed:
	case <-time.After(patience):
		t.Fatal("no session ended")
	}
}

// dial connects to the server, in clear text.
func (r *rig) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// client returns what connects through the server.
func (r *rig) client() *client.Dialer { return &client.Dialer{Address: r.addr} }

// samples is what a scrape told: by "name{label="value"}", buckets left out.
type samples map[string]float64

// scrape gathers everything of socksctl's own.
func (r *rig) scrape(t testing.TB) samples {
	t.Helper()
	return scrape(t, r.metrics)
}

// until scrapes until there is what is wanted.
func (r *rig) until(t *testing.T, name string, want float64) {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		got := r.scrape(t)["socksctl_"+name]
		if got == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: got %v, want %v", name, got, want)
		}
	}
}

func scrape(t testing.TB, m *metrics.Metrics) samples {
	t.Helper()
	families, err := m.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := make(samples)
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "socksctl_") {
			continue
		}
		for _, one := range f.GetMetric() {
			all.add(f.GetName(), one)
		}
	}
	return all
}

func (s samples) add(name string, m *dto.Metric) {
	var labels []string
	for _, l := range m.GetLabel() {
		labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
	}
	suffix := ""
	if len(labels) > 0 {
		suffix = "{" + strings.Join(labels, ",") + "}"
	}
	switch {
	case m.Histogram != nil:
		s[name+"_count"+suffix] = float64(m.Histogram.GetSampleCount())
		s[name+"_sum"+suffix] = m.Histogram.GetSampleSum()
	case m.Counter != nil:
		s[name+suffix] = m.Counter.GetValue()
	default:
		s[name+suffix] = m.Gauge.GetValue()
	}
}

// want compares what s has of the names in wanted.
func (s samples) want(t *testing.T, wanted samples) {
	t.Helper()
	for name, v := range wanted {
		got, ok := s["socksctl_"+name]
		if !ok {
			got = math.NaN()
		}
		if got != v {
			t.Errorf("%s: got %v, want %v", name, got, v)
		}
	}
}

// talk sends text and wants it back.
func talk(c io.ReadWriter, text string) error {
	if _, err := io.WriteString(c, text); err != nil {
		return err
	}
	back := make([]byte, len(text))
	if _, err := io.ReadFull(c, back); err != nil {
		return err
	}
	if string(back) != text {
		return fmt.Errorf("got %q back, want %q", back, text)
	}
	return nil
}
