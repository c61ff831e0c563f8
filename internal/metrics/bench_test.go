package metrics_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/socksctl/socksctl/internal/metrics"
	"github.com/socksctl/socksctl/server"
)

// BenchmarkScrape is a scrape with 10,000 sessions that run, of all commands, to
// the last byte of the page.
func BenchmarkScrape(b *testing.B) {
	const sessions = 10000
	m := metrics.New(config(new(server.Server), "127.0.0.1:1080"))
	for i := range sessions {
		s := &server.Session{ID: uint64(i), Command: []string{"connect", "bind", "udp"}[i%3], Listener: "127.0.0.1:1080"}
		s.BytesUp.Store(1000)
		s.BytesDown.Store(2000)
		m.Opened(s)
	}
	page := promhttp.HandlerFor(m, promhttp.HandlerOpts{})
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		page.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
		if w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}
