// Package top shows the sessions of a running service in a terminal, and ends
// those that are chosen.
package top

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/socksctl/socksctl/internal/history"
)

// Session is one that runs.
type Session struct {
	history.Record
	RateUp, RateDown int64 // bytes a second, of late
	TargetCount      int   // of an association, whose Targets may be fewer
}

// Source is where sessions come from. Its methods are called from any goroutine,
// one call at a time of each.
type Source interface {
	// Sessions returns those that run, in an order that Options.Orders has, or one
	// of them with "-" before it.
	Sessions(ctx context.Context, order string) ([]Session, error)

	// Kill ends one session.
	Kill(ctx context.Context, id uint64) error
}

// Options say how sessions are shown.
type Options struct {
	Source Source
	Title  string        // of the service
	Orders []string      // that sessions can come in
	Order  string        // the first one
	Every  time.Duration // how often they are asked for
}

// Run shows sessions on a terminal until the user has seen enough, or ctx ends.
func Run(ctx context.Context, in io.Reader, out io.Writer, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	program := tea.NewProgram(newModel(ctx, o), tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out))
	_, err := program.Run()
	if errors.Is(err, tea.ErrInterrupted) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	return nil
}
