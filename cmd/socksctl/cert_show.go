package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/socksctl/socksctl/certs"
)

func certShowCommand(s streams) *cobra.Command {
	var crl string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show FILE...",
		Short:   "Show what certificates say, and their pins",
		Example: "  socksctl cert show pki/server.crt",
		Args:    rangeArgs(1, 100),
		RunE: func(_ *cobra.Command, args []string) error {
			var infos []certs.Info
			for _, file := range args {
				some, err := certs.Show(file, crl)
				if err != nil {
					return err
				}
				infos = append(infos, some...)
			}
			if asJSON {
				return json.NewEncoder(s.out).Encode(infos)
			}
			for _, info := range infos {
				if err := showCertificate(s.out, info); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&crl, "crl", "", "list of revoked certificates to look them up in")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func showCertificate(w io.Writer, info certs.Info) error {
	state := ""
	switch now := time.Now(); {
	case info.Revoked:
		state = "  revoked"
	case now.After(info.NotAfter):
		state = "  expired"
	case now.Before(info.NotBefore):
		state = "  not yet valid"
	}
	_, err := fmt.Fprintf(w, `subject      %s%s
issuer       %s
names        %s
valid        %s to %s
key          %s
usage        %s
fingerprint  %s
pin          %s
`, info.Subject, state, info.Issuer, strings.Join(info.Names, ", "),
		info.NotBefore.Format(time.DateTime), info.NotAfter.Format(time.DateTime),
		info.KeyType, strings.Join(info.Usage, ", "), info.Fingerprint, info.Pin)
	return err
}
