package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"syscall"

	"github.com/socksctl/socksctl/bench/load/internal/result"
	"github.com/socksctl/socksctl/bench/load/internal/scenario"
	"github.com/socksctl/socksctl/bench/load/internal/subject"
)

// results is where figures and programs are kept, from the root.
const results = "bench/results"

// descriptors is how many a run wants at once: 8,000 tunnels have two ends here, and
// socksctl serves as many as half the limit.
const descriptors = 20_000

// runAll measures, keeps what was measured after each round, and writes the
// report of all that is kept.
func runAll(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	root := flags.String("root", "../..", "the repository")
	rounds := flags.Int("rounds", 5, "how often each subject is measured")
	only := flags.String("only", "", "scenarios or groups of them, separated by commas (default: all)")
	ours := flags.Bool("ours", false, "leave the peers out: socksctl and the bounds")
	report := flags.Bool("report", true, "write the report")
	resume := flags.Bool("resume", false, "leave out what was measured of this commit already, in as many rounds")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := scenario.Select(scenario.All(), *only)
	if err != nil {
		return err
	}
	if *ours {
		chosen = scenario.Ours(chosen)
	}
	b := builder{*root, out}
	programs, err := b.programs(ctx)
	if err != nil {
		return err
	}
	c, err := conductor(*root, *rounds, programs, out)
	if err != nil {
		return err
	}
	defer c.Env.Close()
	c.Commit, c.Resume = b.commit(ctx), *resume
	err = c.Run(ctx, chosen)
	if *report { // of what there is, after an error too
		err = errors.Join(err, writeReport([]string{"-root", *root}))
	}
	return err
}

func conductor(root string, rounds int, p subject.Programs, out io.Writer) (*scenario.Conductor, error) {
	if err := raiseDescriptors(); err != nil {
		return nil, err
	}
	e, err := subject.NewEnv(p)
	if err != nil {
		return nil, err
	}
	return &scenario.Conductor{Env: e, Rounds: rounds, Store: result.Store(filepath.Join(root, results)), Log: out}, nil
}

// raiseDescriptors raises the limit of this process and of those that it starts.
func raiseDescriptors() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit of descriptors: %w", err)
	}
	want := syscall.Rlimit{Cur: descriptors, Max: max(descriptors, limit.Max)}
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &want) == nil {
		return nil
	}
	limit.Cur = min(descriptors, limit.Max) // only root may go beyond
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit of descriptors: %w", err)
	}
	return nil
}

func list(out io.Writer) error {
	for _, s := range scenario.All() {
		if _, err := fmt.Fprintf(out, "%-16s %s\n", s.Name, s.Title); err != nil {
			return err
		}
	}
	return nil
}
