package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/destination"
	"github.com/socksctl/socksctl/internal/live"
)

// sessionFlags say which sessions of which service are meant.
type sessionFlags struct {
	adminFlags
	query  admin.Query
	since  string
	follow bool
}

// toUsage is what --to takes, of live sessions and of those of before.
const toUsage = "those to a name, *.NAME, an address or CIDR, each with :PORT or not, or to :PORT"

// sinceUsage is what --since takes, likewise.
const sinceUsage = "those begun since a time such as 2026-11-25, 2026-11-25T21:00:00Z, 24h or 7d"

// which adds the flags that say which sessions are meant.
func (f *sessionFlags) which(flags *pflag.FlagSet) {
	flags.StringVar(&f.query.User, "user", "", "those of this user")
	flags.StringVar(&f.query.To, "to", "", toUsage)
	flags.StringVar(&f.query.Command, "command", "", "those of a command: connect, bind or udp")
	flags.StringVar(&f.since, "since", "", sinceUsage)
}

// check reads the flags, and refuses what no service would take.
func (f *sessionFlags) check() (err error) {
	if f.query.Since, err = parseMoment(f.since, time.Now()); err != nil {
		return misuse("--since: %w", err)
	}
	if _, err := destination.Parse(f.query.To); err != nil {
		return misuse("--to: %w", err)
	}
	if _, err := live.ParseOrder(f.query.Sort); err != nil {
		return misuse("--sort: %w", err)
	}
	if f.query.Limit < 0 {
		return misuse("--limit %d: want 0 or more", f.query.Limit)
	}
	if !slices.Contains([]string{"", "connect", "bind", "udp"}, f.query.Command) {
		return misuse("--command %q: want connect, bind or udp", f.query.Command)
	}
	return nil
}

func sessionsCommand(s streams) *cobra.Command {
	cmd := listCommand(s, "sessions", "See the sessions of a running serve or forward, and end them")
	cmd.AddCommand(listCommand(s, "list", "List the sessions that run"), killCommand(s), historyCommand(s), forgetCommand(s))
	return cmd
}

// listCommand returns a command that lists sessions, or follows them.
func listCommand(s streams, use, short string) *cobra.Command {
	var f sessionFlags
	path := "socksctl " + use
	if use != "sessions" {
		path = "socksctl sessions " + use
	}
	cmd := &cobra.Command{
		Use: use, Short: short, Args: noArgs,
		Example: strings.Join([]string{"  " + path + " --user alice --sort bytes", "  " + path + " --follow --json"}, "\n"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			if f.follow {
				return followSessions(cmd.Context(), s, &f)
			}
			return listSessions(cmd.Context(), s, &f)
		},
	}
	f.register(cmd.Flags())
	f.which(cmd.Flags())
	cmd.Flags().StringVar(&f.query.Sort, "sort", "", "order: "+strings.Join(live.Orders(), ", ")+"; with - before it the other way around")
	cmd.Flags().IntVar(&f.query.Limit, "limit", 0, "list so many at most; 0 is all")
	cmd.Flags().BoolVar(&f.follow, "follow", false, "go on, and tell of each session that begins, ends or is refused")
	return cmd
}

// listSessions prints what runs.
func listSessions(ctx context.Context, s streams, f *sessionFlags) error {
	_, list, err := f.list(ctx)
	if err != nil {
		return err
	}
	if f.asJSON {
		return json.NewEncoder(s.out).Encode(list.Sessions)
	}
	return printSessions(s, list)
}

// list asks the service for its sessions, once.
func (f *sessionFlags) list(ctx context.Context) (*admin.Client, admin.Sessions, error) {
	ctx, cancel := context.WithTimeout(ctx, adminLimit)
	defer cancel()
	c, err := f.client(ctx)
	if err != nil {
		return nil, admin.Sessions{}, err
	}
	list, err := c.Sessions(ctx, f.query)
	return c, list, asked(err)
}

// followSessions prints what happens until the service ends.
func followSessions(ctx context.Context, s streams, f *sessionFlags) error {
	c, err := f.client(ctx)
	if err != nil {
		return err
	}
	tell := newPrinter(s.out).event
	if f.asJSON {
		to := json.NewEncoder(s.out)
		tell = func(e admin.Event) error { return to.Encode(e) }
	}
	if err := c.Follow(ctx, f.query, tell); err != nil {
		return asked(err)
	}
	s.talk("the service has ended")
	return nil
}

// asked adds to the error of a service that did not answer what may be wrong.
func asked(err error) error {
	if _, answered := errors.AsType[*admin.Refused](err); err == nil || answered {
		return err
	}
	return fmt.Errorf("%w: is it running, with this --admin?", err)
}
