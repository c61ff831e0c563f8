package traffic

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
)

// A page, its resources and how many hosts they are on: each has a port of its own,
// and so connections of its own.
const (
	Resources    = 30
	siteHosts    = 5
	resourceSize = 20 << 10
)

// Site is a page with resources, on several hosts.
type Site struct {
	hosts   []string
	server  http.Server
	running sync.WaitGroup
}

// NewSite listens on loopback and serves until Close.
func NewSite() (*Site, error) {
	s := &Site{}
	s.server = http.Server{Handler: s, ReadHeaderTimeout: patience}
	for range siteHosts {
		l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.hosts = append(s.hosts, l.Addr().String())
		s.running.Go(func() { _ = s.server.Serve(l) }) // ends with Close
	}
	return s, nil
}

// URL is that of the page.
func (s *Site) URL() string { return "http://" + s.hosts[0] + "/" }

// Close ends it.
func (s *Site) Close() error {
	err := s.server.Close()
	s.running.Wait()
	return err
}

// ServeHTTP is http.Handler's: the page, or a resource of any other name.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if r.URL.Path != "/" {
		w.Header().Set("Content-Type", "image/svg+xml")
		_, _ = fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><!--%s--></svg>`, strings.Repeat("x", resourceSize))
		return
	}
	w.Header().Set("Content-Type", "text/html")
	_, _ = fmt.Fprint(w, `<!doctype html><title>page</title><link rel="icon" href="data:,">`)
	for i := range Resources {
		_, _ = fmt.Fprintf(w, `<img src="http://%s/%d.svg">`, s.hosts[i%len(s.hosts)], i)
	}
}
