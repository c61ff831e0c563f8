package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/socksctl/socksctl/internal/destination"
	"github.com/socksctl/socksctl/internal/history"
	"github.com/socksctl/socksctl/internal/human"
)

// historyFlags say which records are meant.
type historyFlags struct {
	filter                        history.Filter
	to, since, until, sort, total string
	asJSON                        bool
}

func historyCommand(s streams) *cobra.Command {
	var f historyFlags
	cmd := &cobra.Command{
		Use:   "history",
		Short: "List the sessions that were written down",
		Long: `List the sessions that a serve has written down, running or not: the newest
first, refused attempts among them.`,
		Example: "  socksctl sessions history --user alice --since 24h\n  socksctl sessions history --total destination --since 2026-11-01",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.parse(time.Now()); err != nil {
				return err
			}
			l, err := load(cmd.Flags(), historySettings())
			if err != nil {
				return err
			}
			store, err := readHistory(cmd.Context(), s, l)
			if err != nil {
				return err
			}
			return errors.Join(f.print(cmd.Context(), s, store), store.Close())
		},
	}
	flags := cmd.Flags()
	registerConfig(flags)
	flags.String("history", "", "where sessions were written down (default: as serve)")
	flags.StringVar(&f.filter.User, "user", "", "those of this user")
	flags.StringVar(&f.to, "to", "", toUsage)
	flags.StringVar(&f.filter.Status, "status", "", "those that are open, closed, refused or interrupted, or ended for a reason: denied, idle, login, ...")
	flags.StringVar(&f.since, "since", "", sinceUsage)
	flags.StringVar(&f.until, "until", "", "begun before: likewise")
	flags.StringVar(&f.sort, "sort", "start", "order: start or bytes, the greatest first")
	flags.IntVar(&f.filter.Limit, "limit", 100, "list so many at most; 0 is all")
	flags.StringVar(&f.total, "total", "", "add up, for each user or destination")
	flags.BoolVar(&f.filter.Follow, "follow", false, "list those that are written down from now on")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON, a line a record")
	return cmd
}

// parse reads what the flags say as text.
func (f *historyFlags) parse(now time.Time) (err error) {
	if f.filter.To, err = destination.Parse(f.to); err != nil {
		return misuse("--to: %w", err)
	}
	if f.filter.Status, err = history.ParseStatus(f.filter.Status); err != nil {
		return misuse("--status: %w", err)
	}
	if f.filter.Since, err = parseMoment(f.since, now); err != nil {
		return misuse("--since: %w", err)
	}
	if f.filter.Until, err = parseMoment(f.until, now); err != nil {
		return misuse("--until: %w", err)
	}
	f.filter.Order = history.Order(f.sort)
	switch {
	case f.filter.Order != history.ByStart && f.filter.Order != history.ByBytes:
		return misuse("--sort %q: want start or bytes", f.sort)
	case f.total != "" && f.total != string(history.PerUser) && f.total != string(history.PerDestination):
		return misuse("--total %q: want user or destination", f.total)
	case f.total != "" && f.filter.Follow:
		return misuse("--total and --follow do not go together")
	case f.filter.Limit < 0:
		return misuse("--limit %d: want 0 or more", f.filter.Limit)
	}
	return nil
}

// parseMoment reads a day, a time, or how long ago it was.
func parseMoment(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if ago, err := parseAgo(s); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time such as 2026-11-25, 2026-11-25T21:00:00Z, 24h or 7d", s)
}

// parseAgo reads how long ago something was: as Go writes it, or in days.
func parseAgo(s string) (time.Duration, error) {
	s = strings.TrimSuffix(s, " ago")
	if number, ok := strings.CutSuffix(s, "d"); ok {
		days, err := strconv.ParseUint(number, 10, 16)
		return time.Duration(days) * 24 * time.Hour, err
	}
	return time.ParseDuration(s)
}

// print writes what is asked for.
func (f *historyFlags) print(ctx context.Context, s streams, store history.Reader) error {
	if f.total != "" {
		totals, err := store.Totals(ctx, f.filter, history.Axis(f.total))
		if err != nil {
			return err
		}
		return f.printTotals(s, totals)
	}
	records := store.Sessions(ctx, f.filter)
	switch {
	case f.asJSON:
		return encodeAll(s, records)
	case f.filter.Follow:
		return printEach(s, records)
	}
	return printRecords(s, records)
}

func encodeAll(s streams, records iter.Seq2[history.Record, error]) error {
	to, seen, n := json.NewEncoder(s.out), s.exportProgress(), 0
	defer seen.clear()
	for r, err := range records {
		if err == nil {
			err = to.Encode(r)
		}
		if err != nil {
			return err
		}
		n++
		seen.show("sessions: %d", n)
	}
	return nil
}

// printEach prints records as they come.
func printEach(s streams, records iter.Seq2[history.Record, error]) error {
	for r, err := range records {
		if err == nil {
			_, err = fmt.Fprintln(s.out, strings.Join(cellsOf(&r), "  "))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// printRecords prints a table.
func printRecords(s streams, records iter.Seq2[history.Record, error]) error {
	var rows [][]string
	for r, err := range records {
		if err != nil {
			return err
		}
		rows = append(rows, cellsOf(&r))
	}
	return printTable(s, []human.Column{
		{Name: "START"}, {Name: "USER"}, {Name: "CLIENT"}, {Name: "COMMAND"}, {Name: "DESTINATION"},
		{Name: "UP", Right: true}, {Name: "DOWN", Right: true}, {Name: "TOOK", Right: true}, {Name: "END"}, {Name: "RULE"},
	}, rows)
}

// cellsOf returns what a table says of a record.
func cellsOf(r *history.Record) []string {
	end, took := string(r.Status), "-"
	if r.Status != history.Open {
		end, took = human.Visible(r.Reason), human.Took(r.End.Sub(r.Start))
	}
	user := r.User
	if user == "" {
		user = r.Tried
	}
	return []string{
		r.Start.Local().Format(time.DateTime), orDash(user), orDash(r.Client), orDash(r.Command), orDash(r.Destination(len(r.Targets))),
		human.Size(r.Up), human.Size(r.Down), took, end, orDash(r.Rule),
	}
}

func (f *historyFlags) printTotals(s streams, totals []history.Total) error {
	if f.asJSON {
		to := json.NewEncoder(s.out)
		for _, t := range totals {
			if err := to.Encode(t); err != nil {
				return err
			}
		}
		return nil
	}
	rows := make([][]string, 0, len(totals))
	for _, t := range totals {
		rows = append(rows, []string{
			orDash(t.User + t.Destination), fmt.Sprint(t.Sessions), fmt.Sprint(t.Refused), human.Size(t.Up), human.Size(t.Down),
			t.First.Local().Format(time.DateTime), t.Last.Local().Format(time.DateTime),
		})
	}
	return printTable(s, []human.Column{
		{Name: strings.ToUpper(f.total)}, {Name: "SESSIONS", Right: true}, {Name: "REFUSED", Right: true},
		{Name: "UP", Right: true}, {Name: "DOWN", Right: true}, {Name: "FIRST"}, {Name: "LAST"},
	}, rows)
}
