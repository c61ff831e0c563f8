package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/files"
)

// adminOff is what stands for no admin place.
const adminOff = "off"

// isUnix tells of the address of a unix socket.
func isUnix(address string) bool { return strings.HasPrefix(address, "unix:") }

// checkPlaces returns what is wrong with admin places, whether they can be had or
// not.
func checkPlaces(places []string, pprof bool) error {
	if slices.Contains(places, adminOff) && len(places) > 1 {
		return errors.New("admin: off stands alone, and other places are named beside it")
	}
	if pprof && len(places) > 0 && !slices.ContainsFunc(places, isUnix) {
		return fmt.Errorf("profiles (--pprof) take an admin socket, unix:PATH, and admin is %s", strings.Join(places, ", "))
	}
	return nil
}

// openAdmin opens the admin listeners. That the default place cannot be had is no
// error: nobody asked for it.
func (v *service) openAdmin() error {
	a := &v.admin
	if err := checkPlaces(a.places, a.pprof); err != nil {
		return misconfigured(err)
	}
	if slices.Equal(a.places, []string{adminOff}) {
		return nil
	}
	if err := v.useToken(); err != nil {
		return misconfigured(fmt.Errorf("admin token: %w", err))
	}
	if len(a.places) == 0 {
		l, err := admin.ListenHere(context.Background(), a.service, v.opener(adminKind))
		if err != nil {
			v.log.Warn("running without an admin socket: name a place with --admin, or off", "err", err)
			return nil
		}
		a.listeners = []net.Listener{l}
		return nil
	}
	var err error
	a.listeners, err = listenAll(a.places, v.openPlace)
	return err
}

// openPlace opens the admin listener at a place that was named. The default one,
// named, is made as it is otherwise.
func (v *service) openPlace(place string) ([]net.Listener, error) {
	open := func(ctx context.Context) (net.Listener, error) { return v.opener(adminKind)(ctx, place) }
	if usual, err := admin.Place(v.admin.service); err == nil && place == usual {
		open = func(ctx context.Context) (net.Listener, error) {
			return admin.ListenHere(ctx, v.admin.service, v.opener(adminKind))
		}
	}
	l, err := open(context.Background())
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	if err := v.adminServer(nil).MayServe(l.Addr()); err != nil {
		l.Close()
		return nil, misconfigured(fmt.Errorf("admin %s: %w (--admin-token-file)", place, err))
	}
	return []net.Listener{l}, nil
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
