package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"github.com/socksctl/socksctl/internal/human"
)

// logEnd writes the one line that a session leaves in the log.
func (c *conn) logEnd() {
	level, message := slog.LevelInfo, "session"
	err := c.Err()
	switch {
	case c.EndReason() == EndUnasked: // a fleet is checked all the time
		level, message = slog.LevelDebug, "hung up"
	case c.EndReason() == EndShutdown: // nobody was refused, and warm connections are many
	case errors.Is(err, ErrDenied) || err != nil && c.Stage() < StageDial:
		level, message = slog.LevelWarn, "refused"
	}
	ctx := context.Background()
	if !c.server.log.Enabled(ctx, level) {
		return
	}
	attrs := append(make([]slog.Attr, 0, 14), // what there may be: it stays on the stack so
		slog.Uint64("id", c.ID), slog.String("client", human.Address(c.Client)), slog.String("listener", c.Listener),
		slog.String("user", visible(c.Identity.User)), slog.String("command", c.Command),
		slog.String("host", visible(c.Host)), slog.Int("port", int(c.Port)),
		slog.Int64("up", c.BytesUp.Load()), slog.Int64("down", c.BytesDown.Load()),
		slog.Duration("took", c.Closed().Sub(c.Start).Round(time.Millisecond)),
	)
	if c.Via != nil {
		attrs = append(attrs, slog.String("via", human.Address(c.Via)))
	}
	if rule := c.Rule(); rule != "" {
		attrs = append(attrs, slog.String("rule", visible(rule)))
	}
	if err != nil {
		attrs = append(attrs, slog.String("stage", c.Stage().String()), slog.String("err", visible(err.Error())))
	}
	c.server.log.LogAttrs(ctx, level, message, attrs...)
}

// visible returns s with an escape for each rune beyond ASCII, or DEL, that does
// not print: slog's text handler leaves DEL as it is, and the one for JSON all of
// them. What is below a space both escape.
func visible(s string) string {
	unseen := func(r rune) bool { return r >= 0x7f && !unicode.IsPrint(r) }
	if !strings.ContainsFunc(s, unseen) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unseen(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
