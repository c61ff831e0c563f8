package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/socksctl/socksctl/internal/acme"
	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/audit"
	"github.com/socksctl/socksctl/internal/live"
	"github.com/socksctl/socksctl/internal/memory"
	"github.com/socksctl/socksctl/internal/metrics"
	"github.com/socksctl/socksctl/server"
)

// service is a server with its listeners, from start to drain. Serve and
// forward differ in what they put into it.
type service struct {
	*server.Server
	openings
	plain, secure []net.Listener
	login         bool                          // there is one beside certificates, or it was said that none is wanted
	parts         []part                        // of reloads
	unseen        []part                        // of reloads that somebody asked for
	restart       func() []string               // keys that changed and wait for a restart; nil: not known
	checks        []func(*server.Session) error // of live sessions, after a reload
	admin         adminSocket
	fence         fence
	live          *live.Table // nil: nobody can ask for it
	drain         time.Duration
	log           *slog.Logger

	certificate func() *x509.Certificate // that TLS shows others; nil: there is no TLS
	acme        *acme.Manager            // where that comes from; nil: from elsewhere
	upstreams   *upstreams               // of a forwarder
	cool        func()                   // ends what is warm; run makes it
	lost        func() int64             // records that the history has lost; nil: there is none
	reloaded    func(audit.Reload)       // told of reloads; nil: nobody is
	closers     []func() error           // called once no session is open any more
	ready       []func() error           // what keeps clients from being served, if it has an error
	draining    atomic.Bool
	started     time.Time
	metrics     *metrics.Metrics

	settled chan struct{} // closed when nobody else has its listeners; run makes it
	handed  chan struct{} // closed when another process has them; run makes it
}

// The protocols of listeners.
const (
	plainProtocol  = "socks5"
	secureProtocol = "socks5+tls"
)

// run serves until a signal says to stop, or whoever controls services here, and
// then drains.
func (v *service) run(s streams) error {
	stops := make(chan os.Signal, 2)
	return v.underManager(stops, func() error { return v.runUntil(s, stops) })
}

// runUntil is run with what stops it. Signals are taken until the process ends: one
// that comes as it drains would otherwise give a good end the status of a killed one.
func (v *service) runUntil(s streams, stops chan os.Signal) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(stops, os.Interrupt, syscall.SIGTERM)
	notifyReload(hangups)
	v.settled, v.handed = make(chan struct{}), make(chan struct{})
	var flush func() error
	v.Log, flush = forSessions(v.log)
	defer func() { _ = flush() }()
	err := v.check()
	if err == nil {
		err = v.openAdmin()
	}
	if err == nil {
		err = misconfigured(v.raiseWalls())
	}
	if err != nil {
		closeAll(v.plain)
		closeAll(v.secure)
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	v.started, v.Revalidate = time.Now(), v.revalidate
	v.useMetrics()
	reloads := newReloader(v)
	v.keepLive(ctx, group)
	group.Go(func() error { return memory.Keep(ctx) })
	group.Go(func() error { return reloads.run(ctx, hangups) })
	group.Go(func() error { return reloads.watch(ctx) })
	group.Go(func() error { return v.serveAdmin(ctx, reloads) })
	v.cool = func() {}
	if v.upstreams != nil {
		v.cool = v.upstreams.run(ctx, group)
	}
	if v.acme != nil {
		group.Go(func() error { return v.acme.Run(ctx) })
	}
	v.serve(s, group)
	group.Go(func() error { return v.watchdog(ctx) })
	group.Go(func() error {
		defer cancel()
		return v.lead(ctx, stops)
	})
	err = group.Wait()
	if closeErr := v.Close(); err == nil {
		err = closeErr
	}
	for _, closer := range v.closers {
		if closeErr := closer(); closeErr != nil {
			v.log.Warn("close", "err", closeErr)
		}
	}
	if errors.Is(err, server.ErrServerClosed) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// keepLive keeps the table of live sessions until ctx ends, for the admin server.
func (v *service) keepLive(ctx context.Context, group *errgroup.Group) {
	if len(v.admin.listeners) == 0 {
		return
	}
	v.live = live.NewTable()
	v.observe(v.live)
	group.Go(func() error { return v.live.Run(ctx) })
}

// observe has o told of sessions, beside those that are told already.
func (v *service) observe(o server.Observer) {
	all := server.Observers{o}
	if v.Observer != nil {
		all = server.Observers{v.Observer, o}
	}
	v.Observer = all
}

// check refuses listeners that would let anyone in, before one is announced.
func (v *service) check() error {
	open, err := v.open()
	if open == nil {
		return nil
	}
	if _, far := v.reach(open).(distant); far {
		err = fmt.Errorf("%w: systemd passed it, and only a loopback address with --allow-private counts as one then", err)
	}
	ways := "--users, --client-ca, or rules with sources (--acl)"
	if v.admin.service == admin.Forward {
		ways = "--users, or rules with sources (--acl)"
	}
	err = fmt.Errorf("%w: give %s; --insecure-open-proxy serves anyone", err, ways)
	return misconfigured(&openListener{shown(open.Addr()), err})
}

// openListener is the error of a listener that would let anyone in.
type openListener struct {
	address string
	err     error
}

func (o *openListener) Error() string { return o.address + ": " + o.err.Error() }
func (o *openListener) Unwrap() error { return o.err }

// open returns a listener that would let anyone in, and why. Without a login only
// a required certificate will do, or rules that know their clients: a certificate
// that is only asked for keeps nobody out.
func (v *service) open() (net.Listener, error) {
	asked := v.Server
	if !v.login {
		asked = &server.Server{Policy: v.Policy, Balancers: v.Balancers}
	}
	for _, l := range v.plain {
		if err := asked.MayServe(v.reach(l), nil); err != nil {
			return l, err
		}
	}
	for _, l := range v.secure {
		if err := asked.MayServe(v.reach(l), v.TLS); err != nil {
			return l, err
		}
	}
	return nil, nil
}

// serve starts a goroutine for each listener; they end when the server does.
func (v *service) serve(s streams, group *errgroup.Group) {
	for _, l := range v.plain {
		fmt.Fprintf(s.err, "listening on %s (%s)\n", shown(l.Addr()), plainProtocol)
		group.Go(func() error { return unlessClosed(v.Serve(l)) })
	}
	for _, l := range v.secure {
		fmt.Fprintf(s.err, "listening on %s (%s)\n", shown(l.Addr()), secureProtocol)
		group.Go(func() error { return unlessClosed(v.ServeTLS(l)) })
	}
}

// shown returns an address as flags take it.
func shown(a net.Addr) string {
	if a.Network() == "unix" {
		return "unix:" + a.String()
	}
	return a.String()
}

func unlessClosed(err error) error {
	if errors.Is(err, server.ErrServerClosed) {
		return nil
	}
	return err
}

// lead has the process that served before stop, tells that this one serves, and
// does as it is told from then on.
func (v *service) lead(ctx context.Context, stops <-chan os.Signal) error {
	err := v.commit()
	close(v.settled)
	if err != nil {
		return errors.Join(err, v.stop(err.Error(), stops))
	}
	v.notifyReady()
	return v.obey(ctx, stops)
}

// obey waits for a signal to stop, for another process to take over, or for the
// end of ctx.
func (v *service) obey(ctx context.Context, stops <-chan os.Signal) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-v.handed:
		return v.stop("takeover", stops)
	case sig := <-stops:
		return v.stop(sig.String(), stops)
	}
}

// revalidate asks whether a session that has logged in would still be let in.
func (v *service) revalidate(s *server.Session) error {
	for _, check := range v.checks {
		if err := check(s); err != nil {
			return err
		}
	}
	return nil
}

// stop drains: sessions may end by themselves until the time is over or a signal
// comes, a second one or, after a takeover, the first. Until then reloads are made
// as ever.
func (v *service) stop(why string, stops <-chan os.Signal) error {
	v.draining.Store(true)
	v.notifyStopping()
	v.cool()
	v.log.Info("draining", "why", why, "timeout", v.drain)
	ctx, cancel := context.WithTimeout(context.Background(), v.drain)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- v.Shutdown(ctx) }() // ends with ctx, and with Close, at the latest
	select {
	case err := <-drained:
		if errors.Is(err, context.DeadlineExceeded) {
			v.endAll(fmt.Errorf("%w: still open after the drain timeout of %v", server.ErrServerClosed, v.drain))
		}
	case sig := <-stops:
		v.endAll(fmt.Errorf("%w: not drained, by another signal (%v)", server.ErrServerClosed, sig))
	}
	return v.Close()
}

// endAll ends the sessions that a drain has left, each with the reason.
func (v *service) endAll(reason error) {
	left := 0
	for session := range v.Sessions() {
		session.End(reason)
		left++
	}
	if left > 0 {
		v.log.Warn("sessions were still open", "ended", left, "err", reason)
	}
}

// listenAll opens every address; if one cannot be had it closes the others.
func listenAll(addresses []string, listen func(string) ([]net.Listener, error)) ([]net.Listener, error) {
	var all []net.Listener
	for _, address := range addresses {
		listeners, err := listen(address)
		if err != nil {
			closeAll(all)
			return nil, err
		}
		all = append(all, listeners...)
	}
	return all, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}
