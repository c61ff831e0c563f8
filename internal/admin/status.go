package admin

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	readyPath   = "/readyz"
	statusPath  = "/api/v1/status"
	metricsPath = "/metrics"
)

// Status is how a service does.
type Status struct {
	Service   string         `json:"service"` // [Serve] or [Forward]
	Version   string         `json:"version"`
	Started   time.Time      `json:"started"`
	Ready     bool           `json:"ready"`
	Reason    string         `json:"reason,omitempty"` // why it is not
	Listeners []Listener     `json:"listeners"`
	Sessions  map[string]int `json:"sessions"` // that run, by command
	Servers   []Upstream     `json:"servers,omitempty"`

	Certificate *Certificate `json:"certificate,omitempty"`
}

// Listener is where a service accepts clients.
type Listener struct {
	Address  string `json:"address"`
	Protocol string `json:"protocol"` // "socks5" or "socks5+tls"
}

// Upstream is a server that a forwarder goes through.
type Upstream struct {
	Server   string  `json:"server"` // its URL, without the password
	Up       bool    `json:"up"`
	Latency  float64 `json:"latency_seconds,omitempty"`
	Sessions int     `json:"sessions"`
	Warm     int     `json:"warm"`            // connections that wait for a request
	Error    string  `json:"error,omitempty"` // of one that is down
}

// Certificate is what a service shows others.
type Certificate struct {
	Subject  string    `json:"subject"`
	NotAfter time.Time `json:"not_after"`
}

// routeStatus adds what tells of the service, as far as there is something to
// tell.
func (s *Server) routeStatus(mux *http.ServeMux) {
	mux.HandleFunc("GET "+readyPath, s.ready)
	if s.Status != nil {
		mux.HandleFunc("GET "+statusPath, func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, s.status()) })
	}
	if s.Metrics != nil {
		log := slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn)
		mux.Handle("GET "+metricsPath, promhttp.HandlerFor(s.Metrics, promhttp.HandlerOpts{ErrorLog: log, ErrorHandling: promhttp.ContinueOnError}))
	}
}

// ready answers 503 when new clients had better go elsewhere. Why, the status
// tells: not everyone who asks here is to know.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if s.unready() != nil {
		answer(w, http.StatusServiceUnavailable, map[string]string{"status": "unready"})
		return
	}
	answer(w, http.StatusOK, map[string]string{"status": "ok"})
}

// unready returns why the service is not ready.
func (s *Server) unready() error {
	if s.Ready == nil {
		return nil
	}
	return s.Ready()
}

func (s *Server) status() Status {
	status := s.Status()
	status.Ready = true
	if err := s.unready(); err != nil {
		status.Ready, status.Reason = false, err.Error()
	}
	return status
}

// Status asks the service how it does.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var status Status
	err := c.ask(ctx, http.MethodGet, statusPath, &status)
	return status, err
}
