package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/live"
	"github.com/socksctl/socksctl/internal/top"
)

// leastInterval keeps a slip of the finger from keeping a service busy.
const leastInterval = 100 * time.Millisecond

// topFlags are those of top.
type topFlags struct {
	sessionFlags
	once     bool
	interval time.Duration
}

func topCommand(s streams) *cobra.Command {
	var f topFlags
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Watch the sessions of a running serve or forward in the terminal, and end them",
		Long: `Watch the sessions of a running serve or forward in the terminal, and end them.
Arrows select a session and choose the order, r reverses it, / filters, k ends the
selected session after a question, p pauses and q quits.`,
		Example: "  socksctl top --admin unix:/run/socksctl/serve.sock\n  socksctl top --once --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			if f.once {
				return topOnce(cmd.Context(), s, &f)
			}
			return watchTop(cmd.Context(), s, &f)
		},
	}
	f.register(cmd.Flags())
	f.which(cmd.Flags())
	cmd.Flags().StringVar(&f.query.Sort, "sort", "rate", "order at first: "+strings.Join(live.Orders(), ", ")+"; with - before it the other way around")
	cmd.Flags().DurationVar(&f.interval, "interval", 2*time.Second, "how often to look")
	cmd.Flags().BoolVar(&f.once, "once", false, "print what there is, and end")
	return cmd
}

func (f *topFlags) check() error {
	if f.interval < leastInterval {
		return misuse("--interval %v: want %v or more", f.interval, leastInterval)
	}
	if f.asJSON && !f.once {
		return misuse("--json takes --once (or socksctl sessions --follow --json)")
	}
	return f.sessionFlags.check()
}

// totals is what all sessions do together, and each, as top has it in JSON.
type totals struct {
	Time     time.Time       `json:"time"`
	RateUp   int64           `json:"rate_up"` // bytes a second
	RateDown int64           `json:"rate_down"`
	Total    int             `json:"total"`
	Sessions []admin.Session `json:"sessions"`
}

func totalsOf(list admin.Sessions) totals {
	t := totals{Time: time.Now().UTC().Truncate(time.Microsecond), Total: list.Total, Sessions: list.Sessions}
	for _, one := range list.Sessions {
		t.RateUp += one.RateUp
		t.RateDown += one.RateDown
	}
	return t
}

// topOnce prints what there is.
func topOnce(ctx context.Context, s streams, f *topFlags) error {
	c, list, err := f.list(ctx)
	if err != nil {
		return err
	}
	t := totalsOf(list)
	if f.asJSON {
		return json.NewEncoder(s.out).Encode(t)
	}
	if _, err := fmt.Fprintln(s.out, top.Title(c.Address, t.Total, t.RateUp, t.RateDown)); err != nil {
		return err
	}
	return printSessions(s, list)
}

// watchTop shows sessions until the user has seen enough.
func watchTop(ctx context.Context, s streams, f *topFlags) error {
	if !isTerminal(s.out) || !isTerminal(s.in) {
		return misuse("top draws on a terminal, and this is none: use --once, or socksctl sessions --follow")
	}
	c, err := f.client(ctx)
	if err != nil {
		return err
	}
	from := topSource{c, f.query}
	if _, err := from.Sessions(ctx, f.query.Sort); err != nil { // rather than an empty screen
		return asked(err)
	}
	return top.Run(ctx, s.in, s.out, top.Options{
		Source: from, Title: c.Address, Orders: live.Orders(), Order: f.query.Sort, Every: f.interval,
	})
}

// topSource is what top has sessions from.
type topSource struct {
	client *admin.Client
	query  admin.Query
}

// Sessions lists those that run.
func (f topSource) Sessions(ctx context.Context, order string) ([]top.Session, error) {
	query := f.query
	query.Sort = order
	list, err := f.client.Sessions(ctx, query)
	if err != nil {
		return nil, err
	}
	all := make([]top.Session, 0, len(list.Sessions))
	for _, one := range list.Sessions {
		all = append(all, top.Session(one))
	}
	return all, nil
}

// Kill ends one session.
func (f topSource) Kill(ctx context.Context, id uint64) error { return f.client.Kill(ctx, id) }
