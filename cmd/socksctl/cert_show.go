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
		Short:   "Show what certificates say, and their pins, or a revocation list",
		Example: "  socksctl cert show pki/server.crt",
		Args:    rangeArgs(1, 100),
		RunE: func(_ *cobra.Command, args []string) error {
			var all []any
			for _, file := range args {
				some, err := look(file, crl)
				if err != nil {
					return err
				}
				all = append(all, some...)
			}
			if asJSON {
				return json.NewEncoder(s.out).Encode(all)
			}
			return showAll(s.out, all)
		},
	}
	cmd.Flags().StringVar(&crl, "crl", "", "list of revoked certificates to look them up in")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// look returns what is in a file: certs.Info of certificates, or certs.CRLInfo
// of revocation lists.
func look(file, crl string) (all []any, err error) {
	infos, err := certs.Show(file, crl)
	if err != nil {
		lists, noList := certs.ShowCRL(file)
		if noList != nil {
			return nil, err
		}
		for _, list := range lists {
			all = append(all, list)
		}
		return all, nil
	}
	for _, info := range infos {
		all = append(all, info)
	}
	return all, nil
}

func showAll(w io.Writer, all []any) error {
	for i, one := range all {
		if i > 0 {
			fmt.Fprintln(w)
		}
		text := ""
		switch info := one.(type) {
		case certs.Info:
			text = certificateText(info)
		case certs.CRLInfo:
			text = listText(info)
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	return nil
}

func certificateText(info certs.Info) string {
	state := ""
	switch now := time.Now(); {
	case info.Revoked:
		state = "  revoked"
	case now.After(info.NotAfter):
		state = "  expired"
	case now.Before(info.NotBefore):
		state = "  not yet valid"
	}
	return fmt.Sprintf(`subject      %s%s
issuer       %s
serial       %s
names        %s
valid        %s to %s
key          %s
usage        %s
fingerprint  %s
pin          %s
`, info.Subject, state, info.Issuer, info.Serial, strings.Join(info.Names, ", "),
		info.NotBefore.Format(time.DateTime), info.NotAfter.Format(time.DateTime),
		info.KeyType, strings.Join(info.Usage, ", "), info.Fingerprint, info.Pin)
}

func listText(info certs.CRLInfo) string {
	return fmt.Sprintf(`issuer       %s
number       %s
valid        %s to %s
revoked      %s
`, info.Issuer, info.Number, info.ThisUpdate.Format(time.DateTime), info.NextUpdate.Format(time.DateTime),
		strings.Join(info.Revoked, ", "))
}
