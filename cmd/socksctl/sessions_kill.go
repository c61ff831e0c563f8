package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/human"
)

func killCommand(s streams) *cobra.Command {
	var f sessionFlags
	var all bool
	cmd := &cobra.Command{
		Use:     "kill {ID... | --user U | --to T | --command C | --since T | --all}",
		Short:   "End sessions, whose records say by whom",
		Example: "  socksctl sessions kill 17 18\n  socksctl sessions kill --user alice",
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := parseIDs(args)
			if err == nil {
				err = f.check()
			}
			if err != nil {
				return err
			}
			some := f.query != admin.Query{}
			switch {
			case all && (some || len(ids) > 0), some && len(ids) > 0:
				return misuse("kill takes ids, or --user, --to, --command and --since, or --all")
			case !all && !some && len(ids) == 0:
				return misuse("say which sessions: by id, --user, --to, --command, --since or --all")
			}
			killed, err := killSessions(cmd.Context(), &f, ids, all)
			return errors.Join(printKilled(s, killed, f.asJSON), err)
		},
	}
	f.register(cmd.Flags())
	f.which(cmd.Flags())
	cmd.Flags().BoolVar(&all, "all", false, "every one")
	return cmd
}

func parseIDs(args []string) (ids []uint64, err error) {
	for _, arg := range args {
		id, err := strconv.ParseUint(arg, 10, 64)
		if err != nil {
			return nil, misuse("%q is no id of a session (socksctl sessions list)", arg)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// killSessions ends the sessions with those ids, or what f is about. One that does
// not run any more keeps no other alive.
func killSessions(ctx context.Context, f *sessionFlags, ids []uint64, all bool) (killed []uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, adminLimit)
	defer cancel()
	c, err := f.client(ctx)
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		killed, err = c.KillAll(ctx, f.query, all)
		return killed, asked(err)
	}
	var errs []error
	for _, id := range ids {
		err := c.Kill(ctx, id)
		if _, answered := errors.AsType[*admin.Refused](err); err != nil && !answered {
			return killed, errors.Join(append(errs, asked(err))...)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("session %d: %w", id, err))
			continue
		}
		killed = append(killed, id)
	}
	return killed, errors.Join(errs...)
}

// printKilled prints which sessions were ended.
func printKilled(s streams, killed []uint64, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(s.out).Encode(admin.Killed{Killed: append([]uint64{}, killed...)})
	}
	_, err := fmt.Fprintf(s.out, "%s killed\n", human.Count(len(killed), "session"))
	return err
}
