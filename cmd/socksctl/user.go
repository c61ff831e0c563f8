package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/socksctl/socksctl/internal/auth"
)

// errWrongPassword is what user verify says of one.
var errWrongPassword = errors.New("wrong user name or password")

func userCommand(s streams) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:     "user",
		Short:   "Keep the user file of a server",
		Example: "  socksctl user add alice --users users",
	}
	cmd.PersistentFlags().StringVar(&file, "users", "", "the user file")
	add := func(use, short string, args cobra.PositionalArgs, run func(args []string) error) *cobra.Command {
		one := &cobra.Command{
			Use: use, Short: short, Args: args,
			Example: "  socksctl user " + strings.Replace(use, "NAME", "alice", 1) + " --users users",
			RunE: func(_ *cobra.Command, args []string) error {
				if file == "" {
					return misuse("--users names the user file, and is missing")
				}
				return run(args)
			},
		}
		cmd.AddCommand(one)
		return one
	}
	add("add NAME", "Add a user; the password is asked for", exactArgs(1), func(args []string) error {
		return withPassword(s, true, func(password string) error { return auth.Add(file, args[0], password) })
	})
	add("passwd NAME", "Change a password", exactArgs(1), func(args []string) error {
		return withPassword(s, true, func(password string) error { return auth.SetPassword(file, args[0], password) })
	})
	add("remove NAME", "Remove a user", exactArgs(1), func(args []string) error { return auth.Remove(file, args[0]) })
	add("verify NAME", "Tell whether a password is right", exactArgs(1), func(args []string) error {
		return withPassword(s, false, func(password string) error { return verifyUser(file, args[0], password) })
	})
	var asJSON bool
	list := add("list", "List the users", noArgs, func([]string) error { return listUsers(s, file, asJSON) })
	list.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func verifyUser(file, name, password string) error {
	ok, err := auth.Verify(file, name, password)
	if err == nil && !ok {
		return errWrongPassword
	}
	return misconfigured(err)
}

func listUsers(s streams, file string, asJSON bool) error {
	users, err := auth.List(file)
	if err != nil {
		return misconfigured(err)
	}
	if asJSON {
		return json.NewEncoder(s.out).Encode(users)
	}
	for _, user := range users {
		if _, err := fmt.Fprintf(s.out, "%s\t%s\n", user.Name, user.Hash); err != nil {
			return err
		}
	}
	return nil
}
