package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/socksctl/socksctl/internal/admin"
)

// adminEnd is how long requests that are being carried out may take when the
// service ends.
const adminEnd = time.Second

// adminSocket is where a service is talked to.
type adminSocket struct {
	service   string   // whose default place it is
	places    []string // none is the default place, "off" alone means no place
	tokenFile string
	token     atomic.Pointer[string]
	listeners []net.Listener
	pprof     bool
}

// adminServer returns what answers.
func (v *service) adminServer(reloads *reloader) *admin.Server {
	s := &admin.Server{
		Reload: func(ctx context.Context) (admin.Result, error) { return reloads.ask(ctx, byAdmin) },
		Token: func() string {
			if token := v.admin.token.Load(); token != nil {
				return *token
			}
			return ""
		},
		Live: v.live, Ready: v.unready, Status: v.status, Pprof: v.admin.pprof,
		Log: v.log, HandOver: v.handOver,
	}
	if v.metrics != nil {
		s.Metrics = v.metrics
	}
	for _, place := range v.admin.places {
		if host, _, err := net.SplitHostPort(place); err == nil && host != "" && !isUnix(place) {
			s.Hosts = append(s.Hosts, host)
		}
	}
	return s
}

// serveAdmin answers until ctx ends, or another process does. The service does not
// end with it.
func (v *service) serveAdmin(ctx context.Context, reloads *reloader) error {
	if len(v.admin.listeners) == 0 {
		return nil
	}
	s := v.adminServer(reloads)
	var served sync.WaitGroup
	for _, l := range v.admin.listeners {
		v.log.Info("admin", "address", shown(l.Addr()))
		if l.Addr().Network() != "unix" && s.Token() == "" {
			v.log.Warn("admin: whoever is on this host can see the sessions: set a token (--admin-token-file) or use a unix socket", "address", shown(l.Addr()))
		}
		served.Go(func() { // ends with Shutdown
			if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				v.log.Error("admin: no longer served", "address", shown(l.Addr()), "err", err)
			}
		})
	}
	select {
	case <-ctx.Done():
	case <-v.handed:
	}
	end, cancel := context.WithTimeout(context.Background(), adminEnd)
	defer cancel()
	_ = s.Shutdown(end) // what does not end by then is cut off
	served.Wait()
	return nil
}
