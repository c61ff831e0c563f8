package main

import (
	"io"
	"log/slog"
	"os"

	"github.com/lmittmann/tint"
	"golang.org/x/term"

	"github.com/socksctl/socksctl/internal/config"
)

// newLogger returns a logger on w: JSON, text, or text for a person where w is
// a terminal; and its level, which may be set at any time. Each line is written
// at once, unless it is of a logger that forSessions makes of it.
func newLogger(w io.Writer, c config.Log) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(c.Level.Level)
	if isTerminal(w) {
		return slog.New(logHandler(w, c.Format, level)), level
	}
	g := &gatherer{w: w, delay: lineDelay}
	return slog.New(&batch{logHandler(g, c.Format, level), g, slog.LevelDebug}), level
}

func logHandler(w io.Writer, format config.Format, level slog.Leveler) slog.Handler {
	switch {
	case format == "json":
		return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})
	case isTerminal(w):
		return tint.NewTextHandler(w, &tint.Options{Level: level, NoColor: os.Getenv("NO_COLOR") != ""})
	}
	return slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})
}

// isTerminal tells whether a stream, one that is read or written, is a person's.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
