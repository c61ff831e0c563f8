package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/files"
)

// adminEnd is how long requests that are being carried out may take when the
// service ends.
const adminEnd = time.Second

// adminSocket is where a service is talked to.
type adminSocket struct {
	service   string // whose default place it is
	address   string // "" is the default place, "off" none
	tokenFile string
	token     atomic.Pointer[string]
	listener  net.Listener // nil: none
	pprof     bool
}

// openAdmin opens the admin listener. That the default place cannot be had is no
// error: nobody asked for it.
func (v *service) openAdmin() error {
	a := &v.admin
	if a.pprof && a.address != "" && !strings.HasPrefix(a.address, "unix:") {
		return misconfigured(fmt.Errorf("profiles (--pprof) take an admin socket, unix:PATH, and admin is %s", a.address))
	}
	if a.address == "off" {
		return nil
	}
	if err := v.useToken(); err != nil {
		return misconfigured(fmt.Errorf("admin token: %w", err))
	}
	if a.address == "" {
		l, err := admin.ListenHere(context.Background(), a.service, v.opener(adminKind))
		if err != nil && !errors.Is(err, errors.ErrUnsupported) {
			v.log.Warn("running without an admin socket: name a place with --admin, or off", "err", err)
		}
		a.listener = l
		return nil
	}
	l, err := v.opener(adminKind)(context.Background(), a.address)
	if err != nil {
		return fmt.Errorf("admin: %w", err)
	}
	if err := v.adminServer(nil).MayServe(l.Addr()); err != nil {
		l.Close()
		return misconfigured(fmt.Errorf("admin %s: %w (--admin-token-file)", a.address, err))
	}
	a.listener = l
	return nil
}

// useToken reads the token, and has reloads read it again.
func (v *service) useToken() error {
	a := &v.admin
	if a.tokenFile == "" {
		return nil
	}
	commit, err := a.prepareToken()
	if err != nil {
		return err
	}
	commit()
	if err := files.Exposed(a.tokenFile); err != nil {
		v.log.Warn("admin token", "err", err)
	}
	v.parts = append(v.parts, part{name: "admin token", files: []string{a.tokenFile}, prepare: a.prepareToken})
	return nil
}

func (a *adminSocket) prepareToken() (commit func(), err error) {
	token, err := readPassword(a.tokenFile)
	if err != nil {
		return nil, err
	}
	if old := a.token.Load(); old != nil && *old == token {
		return nil, nil
	}
	return func() { a.token.Store(&token) }, nil
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
	if host, _, err := net.SplitHostPort(v.admin.address); err == nil && host != "" {
		s.Hosts = []string{host}
	}
	return s
}

// serveAdmin answers until ctx ends, or another process does. The service does not
// end with it.
func (v *service) serveAdmin(ctx context.Context, reloads *reloader) error {
	if v.admin.listener == nil {
		return nil
	}
	s := v.adminServer(reloads)
	v.log.Info("admin", "address", shown(v.admin.listener.Addr()))
	if v.admin.listener.Addr().Network() != "unix" && s.Token() == "" {
		v.log.Warn("admin: whoever is on this host can see the sessions: set a token (--admin-token-file) or use a unix socket")
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(v.admin.listener) }() // ends with Shutdown
	select {
	case err := <-served:
		v.log.Error("admin: no longer served", "err", err)
		return nil
	case <-ctx.Done():
	case <-v.handed:
	}
	end, cancel := context.WithTimeout(context.Background(), adminEnd)
	defer cancel()
	_ = s.Shutdown(end) // what does not end by then is cut off
	_ = <-served
	return nil
}
