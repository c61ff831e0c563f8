package main

import (
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/socksctl/socksctl/certs"
)

func certRevokeCommand(s streams) *cobra.Command {
	var dir, serial string
	cmd := &cobra.Command{
		Use:     "revoke {NAME | --serial HEX}",
		Short:   "Revoke a user's certificate: writes crl.pem, for serve --client-crl",
		Example: "  socksctl cert revoke --dir pki alice",
		Args:    rangeArgs(0, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			if (len(args) == 1) == (serial != "") {
				return misuse("revoke takes a NAME, whose certificate is NAME.crt, or --serial")
			}
			ca, err := certs.LoadCA(dir)
			if err != nil {
				return misconfigured(err)
			}
			if serial != "" {
				err = revokeSerial(ca, dir, serial)
			} else {
				err = ca.Revoke(dir, args[0])
			}
			if err != nil {
				return err
			}
			s.talk("wrote %s", crlFile(dir))
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", ".", "directory of the CA")
	cmd.Flags().StringVar(&serial, "serial", "", "serial number of a certificate that is not there any more, as cert show and the history have it")
	return cmd
}

func revokeSerial(ca *certs.CA, dir, text string) error {
	serial, ok := new(big.Int).SetString(text, 16)
	if !ok || serial.Sign() <= 0 {
		return misuse("--serial %q is no serial number in hexadecimal", text)
	}
	return ca.RevokeSerial(dir, serial)
}

func crlFile(dir string) string { return filepath.Join(dir, "crl.pem") }

// inForce returns the certificate of a user that is good still, and nil if there is
// none.
func inForce(dir, name string) *certs.Info {
	list := crlFile(dir)
	if _, err := os.Stat(list); err != nil {
		list = ""
	}
	infos, err := certs.Show(filepath.Join(dir, name+".crt"), list)
	if err != nil || infos[0].Revoked || time.Now().After(infos[0].NotAfter) {
		return nil
	}
	return &infos[0]
}
