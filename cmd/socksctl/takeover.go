package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/inherit"
)

// origin says where a service may get listeners from.
type origin struct {
	service  string   // the name of its admin socket
	admin    []string // its places, as the configuration has them
	takeover bool     // ask who serves there
}

func registerTakeover(flags *pflag.FlagSet, takeover *bool) {
	flags.BoolVar(takeover, "takeover", false, "take the listeners over from the process that answers at --admin, which then drains; start as usual if there is none")
}

// inherited returns the listeners that others opened: systemd, or the process that
// serves now.
func inherited(ctx context.Context, o origin, log *slog.Logger) (*inherit.Set, error) {
	kinds := []string{plainKind}
	if o.service == admin.Serve {
		kinds = append(kinds, tlsKind)
	}
	passed, err := inherit.FromSystemd(kinds...)
	if err != nil || !o.takeover {
		return passed, misconfigured(err)
	}
	if passed != nil {
		passed.Close()
		return nil, misuse("--takeover: the listeners are systemd's, and stay with it when the service restarts")
	}
	set, err := takeOver(ctx, o)
	if errors.Is(err, admin.ErrNobody) {
		log.Info("nobody to take over from", "err", err)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("takeover: %w", err)
	}
	return set, nil
}

// takeOver asks the process that serves, at the first of its places where one
// answers.
func takeOver(ctx context.Context, o origin) (set *inherit.Set, err error) {
	places := o.admin
	if len(places) == 0 {
		place, err := admin.Place(o.service)
		if err != nil {
			return nil, err
		}
		places = []string{place}
	}
	if !slices.ContainsFunc(places, isUnix) {
		return nil, misuse("it takes an admin socket, --admin unix:PATH, and not %s", strings.Join(places, ", "))
	}
	for _, place := range places {
		if !isUnix(place) {
			continue
		}
		if set, err = (&admin.Client{Address: place}).TakeOver(ctx); !errors.Is(err, admin.ErrNobody) {
			break
		}
	}
	return set, err
}

// commit has the process that served before stop, now that this one serves.
func (v *service) commit() error {
	err := v.from.Commit()
	v.from.Close()
	if errors.Is(err, inherit.ErrUnconfirmed) {
		v.log.Warn("took over", "err", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("takeover: %w", err)
	}
	return nil
}

// handOver hands the listeners to another process, and has this one drain when
// that serves them. Whatever goes wrong leaves them here.
func (v *service) handOver(h *inherit.Handover) bool {
	taken, err := v.give(h)
	if err != nil {
		v.log.Warn("not taken over: serving on", "err", err)
		h.Refuse(err)
		return false
	}
	v.log.Info("taken over", "listeners", len(taken))
	close(v.handed)
	return true
}

// give is handOver but for what follows from it.
func (v *service) give(h *inherit.Handover) ([]inherit.Listener, error) {
	<-v.settled
	taken, err := h.Offer(v.offered())
	if err != nil {
		return nil, err
	}
	for _, l := range taken {
		inherit.KeepPath(l.Listener, true)
	}
	if err := h.Done(); err != nil {
		for _, l := range taken {
			inherit.KeepPath(l.Listener, l.Passed)
		}
		return nil, err
	}
	return taken, nil
}

// offered returns the listeners that are open: when the service drains, that is
// the admin's.
func (v *service) offered() []inherit.Listener {
	if !v.draining.Load() {
		return v.all
	}
	return slices.DeleteFunc(slices.Clone(v.all), func(l inherit.Listener) bool { return l.Kind != adminKind })
}
