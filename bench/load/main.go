// Command load measures socksctl beside its peers and beside bare relays, on one
// machine and in interleaved rounds, and writes down what came out: see
// bench/README.md.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const usage = `usage: load COMMAND [flags]

  run      measure, and write the report
  compare  measure one socksctl against another, in turns
  report   write the report of what was measured before
  list     name the scenarios
  bound    be a bare relay
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("no command\n%s", usage)
	}
	command, rest := args[0], args[1:]
	switch command {
	case "run":
		return runAll(ctx, rest, out)
	case "compare":
		return compare(ctx, rest, out)
	case "report":
		return writeReport(rest)
	case "list":
		return list(out)
	case "bound":
		return serveBound(rest)
	}
	return fmt.Errorf("no command is called %q\n%s", command, usage)
}
