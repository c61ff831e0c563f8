package server

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"
)

// logEnd writes the one line that a session leaves in the log. What was asked
// for is quoted by the handler, control bytes and all but DEL.
func (c *conn) logEnd() {
	level, message := slog.LevelInfo, "session"
	err := c.Err()
	if errors.Is(err, ErrDenied) || err != nil && c.Stage() < StageDial {
		level, message = slog.LevelWarn, "refused"
	}
	ctx := context.Background()
	if !c.server.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.Uint64("id", c.ID), slog.String("client", c.Client.String()), slog.String("listener", c.Listener),
		slog.String("user", c.Identity.User), slog.String("command", c.Command),
		slog.String("host", strings.ReplaceAll(c.Host, "\x7f", `\x7f`)), slog.Int("port", int(c.Port)),
		slog.Int64("up", c.BytesUp.Load()), slog.Int64("down", c.BytesDown.Load()),
		slog.Duration("took", c.Closed().Sub(c.Start).Round(time.Millisecond)),
	}
	if err != nil {
		attrs = append(attrs, slog.String("stage", c.Stage().String()), slog.String("err", err.Error()))
	}
	c.server.log.LogAttrs(ctx, level, message, attrs...)
}
