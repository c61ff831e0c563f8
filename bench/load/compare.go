package main

import (
	"context"
	"errors"
	"flag"
	"io"

	"github.com/socksctl/socksctl/bench/load/internal/report"
	"github.com/socksctl/socksctl/bench/load/internal/scenario"
	"github.com/socksctl/socksctl/bench/load/internal/subject"
)

// compare measures two builds of socksctl in turns, A B A B, and prints the
// medians of both and the ratio of B to A.
func compare(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	a := flags.String("a", "", "a socksctl")
	b := flags.String("b", "", "another one")
	rounds := flags.Int("rounds", 5, "how often each is measured")
	only := flags.String("only", "", "scenarios or groups of them, separated by commas (default: all)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *a == "" || *b == "" {
		return errors.New("compare: -a and -b are both needed: paths of socksctl")
	}
	chosen, err := scenario.Select(scenario.All(), *only)
	if err != nil {
		return err
	}
	c, err := conductor("", *rounds, subject.Programs{Socksctl: *a}, out)
	if err != nil {
		return err
	}
	defer c.Env.Close()
	c.Store = ""
	sets, err := c.Compare(ctx, chosen, *b)
	return errors.Join(err, report.Compare(out, chosen, sets))
}
