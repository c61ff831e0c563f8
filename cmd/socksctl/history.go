package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/socksctl/socksctl/internal/config"
	"github.com/socksctl/socksctl/internal/history"
)

// useForwardHistory has the sessions of a forwarder written down, where the
// configuration says so: there is no default place for them.
func (v *service) useForwardHistory(s streams, l *loaded) error {
	c := l.History
	c.URL = l.Forward.History
	if !c.URL.Decided() {
		return nil
	}
	return v.useHistory(s, l, c, "forward.history")
}

// useHistory has sessions written down where c says, whose place has that key. The
// default place is done without where it cannot be had; one that was asked for must
// be.
func (v *service) useHistory(s streams, l *loaded, c config.History, key string) error {
	warnOfHistoryPassword(s, l, c.URL, key)
	if v.Node = c.Node; v.Node == "" {
		v.Node, _ = os.Hostname() // without one, the node has no name
	}
	place, err := placeOf(c)
	if err == nil && place.Off() {
		return nil
	}
	var store history.Store
	if err == nil {
		store, err = place.Open()
	}
	if err != nil && c.URL.Decided() {
		return fmt.Errorf("%s: %w", key, err)
	}
	if err != nil {
		v.log.Warn("sessions are not written down: --history says where", "err", err)
		return nil
	}
	recorder := history.Start(store, history.Options{
		Node: v.Node, Retention: c.Retention.Duration, Destinations: c.Destinations.Kept, Log: v.log,
	})
	v.observe(recorder)
	v.fence.writes = append(v.fence.writes, named(place.Folder())...)
	v.lost, v.ready = recorder.Dropped, append(v.ready, recorder.Fault)
	v.closers = append(v.closers, func() error {
		recorder.Close()
		return store.Close()
	})
	return nil
}

// warnOfHistoryPassword warns of a password in the flag of a key.
func warnOfHistoryPassword(s streams, l *loaded, place config.Location, key string) {
	if l.flags.Changed("history") && place.HasPassword() {
		warnOfPassword(s, "are PGPASSFILE, "+setting{key: key}.env()+" and the configuration file")
	}
}

// placeOf returns where sessions are written down: by default a file in the state
// directory.
func placeOf(c config.History) (history.Location, error) {
	if c.URL.Decided() {
		return c.URL.Location, nil
	}
	dir, err := stateDir()
	return history.AtFile(filepath.Join(dir, "history.db")), err
}

// readHistory opens what was written down, to be asked.
func readHistory(ctx context.Context, s streams, l *loaded) (history.Store, error) {
	warnOfHistoryPassword(s, l, l.History.URL, "history.url")
	place, err := placeOf(l.History)
	if err == nil && place.Off() {
		err = errors.New("history.url is off: --history says where sessions are written down")
	}
	if err != nil {
		return nil, misconfigured(err)
	}
	return place.Read(ctx)
}
