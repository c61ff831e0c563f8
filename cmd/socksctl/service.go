package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/socksctl/socksctl/server"
)

// service is a server with its listeners, from start to drain. Serve and
// forward differ in what they put into it.
type service struct {
	*server.Server
	plain, secure []net.Listener
	login         bool                          // there is one beside certificates, or it was said that none is wanted
	watch         []func(context.Context) error // run along, until ctx ends
	reload        []func() error                // on SIGHUP
	drain         time.Duration
	log           *slog.Logger
}

// run serves until a signal says to stop, and then drains.
func (v *service) run(s streams) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, append(reloadSignals(), os.Interrupt, syscall.SIGTERM)...)
	defer signal.Stop(signals)
	if err := v.check(); err != nil {
		closeAll(v.plain)
		closeAll(v.secure)
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	for _, watch := range v.watch {
		group.Go(func() error { return watch(ctx) })
	}
	v.serve(s, group)
	group.Go(func() error {
		defer cancel()
		return v.obey(ctx, signals)
	})
	err := group.Wait()
	if closeErr := v.Close(); err == nil {
		err = closeErr
	}
	if errors.Is(err, server.ErrServerClosed) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// check refuses listeners that would let anyone in, before one is announced.
// Without a login only a required certificate will do, or rules that know their
// clients: a certificate that is only asked for keeps nobody out.
func (v *service) check() error {
	asked := v.Server
	if !v.login {
		asked = &server.Server{Policy: v.Policy}
	}
	for _, l := range v.plain {
		if err := asked.MayServe(l.Addr(), nil); err != nil {
			return misconfigured(fmt.Errorf("%s: %w", shown(l.Addr()), err))
		}
	}
	for _, l := range v.secure {
		if err := asked.MayServe(l.Addr(), v.TLS); err != nil {
			return misconfigured(fmt.Errorf("%s: %w", shown(l.Addr()), err))
		}
	}
	return nil
}

// serve starts a goroutine for each listener; they end when the server does.
func (v *service) serve(s streams, group *errgroup.Group) {
	for _, l := range v.plain {
		fmt.Fprintf(s.err, "listening on %s (socks5)\n", shown(l.Addr()))
		group.Go(func() error { return unlessClosed(v.Serve(l)) })
	}
	for _, l := range v.secure {
		fmt.Fprintf(s.err, "listening on %s (socks5+tls)\n", shown(l.Addr()))
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

// obey acts on signals until one says to stop, or ctx ends.
func (v *service) obey(ctx context.Context, signals <-chan os.Signal) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case sig := <-signals:
			if stops(sig) {
				return v.stop(sig, signals)
			}
			v.reloadAll()
		}
	}
}

// reloadAll reads the files again. What cannot be read stays as it was, and
// keeps nothing else from being taken up.
func (v *service) reloadAll() {
	var errs []error
	for _, reload := range v.reload {
		errs = append(errs, reload())
	}
	if err := errors.Join(errs...); err != nil {
		v.log.Error("reload: kept what was in force", "err", err)
		return
	}
	v.log.Info("reloaded")
}

// stop drains: sessions may end by themselves until the time is over or a
// second signal to stop comes.
func (v *service) stop(sig os.Signal, signals <-chan os.Signal) error {
	v.log.Info("draining", "signal", sig.String(), "timeout", v.drain)
	ctx, cancel := context.WithTimeout(context.Background(), v.drain)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- v.Shutdown(ctx) }() // ends with ctx, and with Close, at the latest
	for {
		select {
		case err := <-drained:
			if errors.Is(err, context.DeadlineExceeded) {
				v.log.Warn("sessions were still open after the drain timeout")
			}
			return v.Close()
		case again := <-signals:
			if stops(again) {
				v.log.Warn("ended by a second signal")
				return v.Close()
			}
		}
	}
}

// stops tells the signals that end a service from the one that reloads it.
func stops(sig os.Signal) bool { return sig == os.Interrupt || sig == syscall.SIGTERM }

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
