package client

import (
	"context"
	"net"
	"time"
)

// bounded runs step, which uses c, and closes c when ctx ends or the deadline
// comes before step is done; the error then says which of the two it was. A
// close is the one interruption that every conn knows: those of a Forward may
// have no deadlines.
func bounded(ctx context.Context, deadline time.Time, c net.Conn, step func(context.Context) error) error {
	ctx, cancel := context.WithDeadlineCause(ctx, deadline, errTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	err := step(ctx)
	if !stop() {
		// c is closed, or is about to be: a success is none.
		return context.Cause(ctx)
	}
	return err
}
