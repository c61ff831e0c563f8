package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/socksctl/socksctl/certs"
)

// certOptions is what the commands that issue share.
type certOptions struct {
	dir       string
	keyType   string
	days      int
	overwrite bool
}

func (o *certOptions) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.dir, "dir", ".", "directory of the CA")
	flags.StringVar(&o.keyType, "key-type", string(certs.ECDSAP256), fmt.Sprintf("one of %v", certs.KeyTypes()))
	flags.IntVar(&o.days, "days", 0, "validity in days (default 3650 for a CA, 825 for others)")
	flags.BoolVar(&o.overwrite, "overwrite", false, "replace what is there")
}

func (o *certOptions) options(flags *pflag.FlagSet) (certs.Options, error) {
	if !slices.Contains(certs.KeyTypes(), certs.KeyType(o.keyType)) {
		return certs.Options{}, misuse("--key-type %q is none of %v", o.keyType, certs.KeyTypes())
	}
	if flags.Changed("days") && o.days < 1 {
		return certs.Options{}, misuse("--days %d: want 1 or more", o.days)
	}
	return certs.Options{KeyType: certs.KeyType(o.keyType), Validity: time.Duration(o.days) * 24 * time.Hour}, nil
}

func certCommand(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "cert",
		Short:   "Run a small private CA",
		Example: "  socksctl cert ca --dir pki --name 'my proxy'",
	}
	cmd.AddCommand(certCACommand(s), certServerCommand(s), certClientCommand(s), certShowCommand(s), certRevokeCommand(s))
	return cmd
}

func certCACommand(s streams) *cobra.Command {
	var o certOptions
	var name string
	cmd := &cobra.Command{
		Use:     "ca",
		Short:   "Make a CA: ca.crt and ca.key",
		Example: "  socksctl cert ca --dir pki --name 'my proxy'",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options, err := o.options(cmd.Flags())
			if err != nil {
				return err
			}
			ca, err := certs.NewCA(name, options)
			if err != nil {
				return err
			}
			if err := os.MkdirAll(o.dir, 0o700); err != nil {
				return err
			}
			return written(s, o.dir, "ca", ca.Write(o.dir, o.overwrite))
		},
	}
	o.register(cmd)
	cmd.Flags().StringVar(&name, "name", "socksctl", "name of the CA")
	return cmd
}

func certServerCommand(s streams) *cobra.Command {
	var o certOptions
	var hosts []string
	cmd := &cobra.Command{
		Use:     "server",
		Short:   "Issue the certificate of a server: server.crt and server.key",
		Example: "  socksctl cert server --dir pki --host proxy.example.com,192.0.2.1",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(hosts) == 0 {
				return misuse("--host names the server as clients will, and is missing")
			}
			return o.issue(s, cmd.Flags(), "server", func(ca *certs.CA, options certs.Options) (*certs.Pair, error) {
				return ca.Server(hosts, options)
			})
		},
	}
	o.register(cmd)
	cmd.Flags().StringSliceVar(&hosts, "host", nil, "names and addresses of the server")
	return cmd
}

func certClientCommand(s streams) *cobra.Command {
	var o certOptions
	var name string
	cmd := &cobra.Command{
		Use:     "client",
		Short:   "Issue the certificate of a user: NAME.crt and NAME.key",
		Example: "  socksctl cert client --dir pki --name alice",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if slices.Contains([]string{"", "ca", "server", "crl"}, name) {
				return misuse("--name %q cannot be the name of a user's files", name)
			}
			before := inForce(o.dir, name)
			err := o.issue(s, cmd.Flags(), name, func(ca *certs.CA, options certs.Options) (*certs.Pair, error) {
				return ca.Client(name, options)
			})
			if err == nil && before != nil {
				s.talk("the certificate that was there is good until %s: to take it back, give cert revoke --serial %s",
					before.NotAfter.Format(time.DateOnly), before.Serial)
			}
			return err
		},
	}
	o.register(cmd)
	cmd.Flags().StringVar(&name, "name", "", "user, and name of the files")
	return cmd
}

// issue makes a pair with the CA of the directory and writes it there.
func (o *certOptions) issue(s streams, flags *pflag.FlagSet, name string, issue func(*certs.CA, certs.Options) (*certs.Pair, error)) error {
	options, err := o.options(flags)
	if err != nil {
		return err
	}
	ca, err := certs.LoadCA(o.dir)
	if err != nil {
		return misconfigured(err)
	}
	pair, err := issue(ca, options)
	if err != nil {
		return err
	}
	if err := written(s, o.dir, name, pair.Write(o.dir, name, o.overwrite)); err != nil {
		return err
	}
	if end := ca.Certificate.NotAfter; !pair.Certificate.NotAfter.Before(end) {
		s.talk("it ends on %s, as its CA does", end.Format(time.DateOnly))
	}
	return nil
}

// written names the files that were written, unless err says that they were not.
func written(s streams, dir, name string, err error) error {
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%w: give --overwrite to replace it", err)
	}
	if err != nil {
		return err
	}
	s.talk("wrote %s and %s", filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key"))
	return nil
}
