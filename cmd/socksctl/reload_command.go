package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/human"
)

// adminLimit is how long a service may take to answer.
const adminLimit = time.Minute

// adminFlags say which service a command talks to.
type adminFlags struct {
	address, tokenFile string
	asJSON             bool
}

// register adds the flags of the commands that talk to a service.
func (f *adminFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.address, "admin", "", "the service: host:port or unix:PATH (default: the socket of your own serve or forward)")
	flags.StringVar(&f.tokenFile, "admin-token-file", "", "file whose first line is the token, for host:port")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
}

func reloadCommand(s streams) *cobra.Command {
	var f adminFlags
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Have a running serve or forward read its files again",
		Long: `Have a running serve or forward read its files again: certificates, CRL, users,
rules and limits. Sessions that are no longer allowed end. A file that cannot be
used leaves what was in force; the exit status is 3 then.`,
		Example: "  socksctl reload --admin unix:/run/socksctl/serve.sock",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), adminLimit)
			defer cancel()
			c, err := f.client(ctx)
			if err != nil {
				return err
			}
			result, err := c.Reload(ctx)
			refused, answered := errors.AsType[*admin.Refused](err)
			if err != nil && (!answered || refused.Status != http.StatusUnprocessableEntity) {
				return asked(err)
			}
			return errors.Join(printReload(s, result, f.asJSON), misconfigured(err))
		},
	}
	f.register(cmd.Flags())
	return cmd
}

// client returns who is to be asked: the one service that runs, where none is
// named.
func (f *adminFlags) client(ctx context.Context) (*admin.Client, error) {
	c := &admin.Client{Address: f.address}
	if f.tokenFile != "" {
		var err error
		if c.Token, err = readPassword(f.tokenFile); err != nil {
			return nil, misconfigured(fmt.Errorf("admin token: %w", err))
		}
	}
	if c.Address != "" {
		return c, nil
	}
	switch running := admin.Running(ctx); len(running) {
	case 0:
		return nil, fmt.Errorf("no service answers%s: start serve or forward as this user, or name its --admin", places())
	case 1:
		c.Address = running[0]
	default:
		return nil, misuse("several services run: name one, --admin %s", strings.Join(running, " or --admin "))
	}
	return c, nil
}

// places says where a service would be found.
func places() string {
	all := admin.Places()
	if len(all) == 0 {
		return ""
	}
	return " at " + strings.Join(all, " or ")
}

// printReload prints what a reload did.
func printReload(s streams, r admin.Result, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(s.out).Encode(r)
	}
	changed := strings.Join(r.Reloaded, ", ")
	if changed == "" {
		changed = "nothing"
	}
	if len(r.Restart) > 0 {
		s.talk("a restart takes these up, and nothing else does: %s", strings.Join(r.Restart, ", "))
	}
	_, err := fmt.Fprintf(s.out, "reloaded %s; %s ended\n", changed, human.Count(r.Ended, "session"))
	return err
}
