package main

import (
	"flag"
	"path/filepath"

	"github.com/socksctl/socksctl/bench/load/internal/report"
	"github.com/socksctl/socksctl/bench/load/internal/result"
	"github.com/socksctl/socksctl/bench/load/internal/scenario"
)

// writeReport writes what was measured before into the documentation.
func writeReport(args []string) error {
	flags := flag.NewFlagSet("report", flag.ContinueOnError)
	root := flags.String("root", "../..", "the repository")
	if err := flags.Parse(args); err != nil {
		return err
	}
	store := result.Store(filepath.Join(*root, results))
	sets := make(map[string]*result.Set)
	for _, s := range scenario.All() {
		set, err := store.Load(s.Name)
		if err != nil {
			return err
		}
		sets[s.Name] = set
	}
	return report.Write(filepath.Join(*root, "docs"), scenario.All(), sets)
}
