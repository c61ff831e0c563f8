package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/socksctl/socksctl/internal/human"
)

func forgetCommand(s streams) *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use:     "forget --user U",
		Short:   "Delete what was written down of a user",
		Example: "  socksctl sessions forget --user alice",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if user == "" {
				return misuse("--user says whom to forget, and is missing")
			}
			l, err := load(cmd.Flags(), historySettings())
			if err != nil {
				return err
			}
			store, err := readHistory(cmd.Context(), s, l)
			if err != nil {
				return err
			}
			n, err := store.Forget(cmd.Context(), user)
			if err == nil {
				_, err = fmt.Fprintf(s.out, "%s forgotten\n", human.Count(int(n), "session"))
			}
			return errors.Join(err, store.Close())
		},
	}
	registerConfig(cmd.Flags())
	cmd.Flags().String("history", "", "where sessions were written down (default: as serve)")
	cmd.Flags().StringVar(&user, "user", "", "whose sessions, and refused logins by that name")
	return cmd
}
