package main

import (
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

const manMode fs.FileMode = 0o755 // of a directory that everyone reads

func manCommand(s streams) *cobra.Command {
	var of string
	cmd := &cobra.Command{
		Use:   "man [DIR]",
		Short: "Write the manual pages",
		Long: `Write the manual page of each command to a directory, or with --of, and without a
directory, that of one command to stdout.`,
		Example: `  socksctl man /usr/local/share/man/man1
  socksctl man --of 'cert ca' | man -l -`,
		Args: rangeArgs(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && of != "" {
				return misuse("--of is for one page on stdout, and DIR for all of them")
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true
			if len(args) == 1 {
				return writePages(root, args[0])
			}
			one, rest, err := root.Find(strings.Fields(of))
			if err != nil || len(rest) > 0 {
				return misuse("--of: there is no command %q", of)
			}
			return doc.GenMan(one, manHeader(), s.out)
		},
	}
	cmd.Flags().StringVar(&of, "of", "", "one command, such as 'cert ca' (default: socksctl itself)")
	return cmd
}

// writePages writes a page for each command below root, and for root.
func writePages(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, manMode); err != nil {
		return err
	}
	return doc.GenManTreeFromOpts(root, doc.GenManTreeOptions{Header: manHeader(), Path: dir, CommandSeparator: "-"})
}

// manHeader dates a page by the source it comes from, so that two builds of one
// source write the same.
func manHeader() *doc.GenManHeader {
	h := &doc.GenManHeader{Section: "1", Source: fmt.Sprintf("socksctl %s", readVersion().Version), Manual: "socksctl"}
	if at := built(); !at.IsZero() {
		h.Date = &at
	}
	return h
}
