// Package admin is how a running service is talked to: HTTP on a unix socket or
// on an address, and the client for it.
//
// A unix socket is for its owner alone, by its mode. On an address, where anyone
// on the host or beyond can connect, whoever wants to change something shows a
// token, and so does who wants to see sessions, if there is one; requests for
// another host are refused there, and so are changes that a web page asks for: a
// browser that was led astray changes nothing.
package admin

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/socksctl/socksctl/internal/inherit"
	"github.com/socksctl/socksctl/internal/live"
	"github.com/socksctl/socksctl/internal/page"
)

// What a client may take.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second // of the whole request
	writeTimeout  = time.Minute      // what is asked for included
	idleTimeout   = 30 * time.Second
	maxHeader     = 16 << 10
	maxBody       = 64 << 10
	maxConns      = 64 // of one listener, at once
)

// ErrNoToken is what Serve returns for an address beyond loopback when there is
// no token.
var ErrNoToken = errors.New("beyond loopback the admin address takes a token")

// Server answers requests about a service. Its fields are set before the first
// Serve and not changed after.
type Server struct {
	Reload func(context.Context) (Result, error) // what the service reloads; the error is of what cannot be used
	Live   *live.Table                           // its sessions; nil: nothing is told of them
	Ready  func() error                          // why clients had better go elsewhere; nil: never
	Status func() Status                         // without Ready and Reason; nil: it is not told
	Token  func() string                         // what a change over an address takes; nil, or "": there are none
	Hosts  []string                              // that an address may be called by, beside itself and localhost
	Log    *slog.Logger                          // nil is silent

	// HandOver hands the service's listeners to another process, and tells whether
	// that has them for good; nil: it does not. One is made at a time.
	HandOver func(*inherit.Handover) bool

	Metrics prometheus.Gatherer // nil: none
	Pprof   bool                // profiles of the runtime, on unix sockets

	setUp     sync.Once
	http      http.Server
	ending    context.Context // ends with Shutdown
	end       context.CancelFunc
	following chan struct{} // has one for each who follows
	pages     *page.Renderer
	key       [32]byte   // of cookies
	handing   sync.Mutex // held while listeners are handed over, and when they are
}

// Serve answers on l until Shutdown, and then returns http.ErrServerClosed. It
// closes l. It may run for any number of listeners at once.
func (s *Server) Serve(l net.Listener) error {
	if err := s.MayServe(l.Addr()); err != nil {
		l.Close()
		return err
	}
	s.init()
	return s.http.Serve(limit(named{l}, maxConns))
}

// MayServe returns [ErrNoToken] for a listener at addr that anyone on a network
// could ask for changes. Serve asks it itself.
func (s *Server) MayServe(addr net.Addr) error {
	if tcp, ok := addr.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() && s.token() == "" {
		return ErrNoToken
	}
	return nil
}

// Shutdown stops answering. It waits for the requests that are being carried
// out, until ctx ends; who follows has reached the end.
func (s *Server) Shutdown(ctx context.Context) error {
	s.init()
	s.end()
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(err, s.http.Close())
	}
	return nil
}

func (s *Server) init() {
	s.setUp.Do(func() {
		if s.Log == nil {
			s.Log = slog.New(slog.DiscardHandler)
		}
		s.ending, s.end = context.WithCancel(context.Background())
		s.following = make(chan struct{}, maxFollowers)
		s.pages = page.New()
		_, _ = rand.Read(s.key[:]) // never fails
		s.http.Handler = http.MaxBytesHandler(s.guard(s.routes()), maxBody)
		s.http.ReadHeaderTimeout, s.http.ReadTimeout = headerTimeout, readTimeout
		s.http.WriteTimeout, s.http.IdleTimeout = writeTimeout, idleTimeout
		s.http.MaxHeaderBytes = maxHeader
		s.http.ConnContext = withConn
		s.http.ErrorLog = slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn)
	})
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+healthPath, health)
	mux.HandleFunc("POST "+reloadPath, s.reload)
	mux.HandleFunc("POST "+takeoverPath, s.takeover)
	s.routeSessions(mux)
	s.routeStatus(mux)
	s.routePprof(mux)
	s.routePage(mux)
	return mux
}

func (s *Server) token() string {
	if s.Token == nil {
		return ""
	}
	return s.Token()
}
