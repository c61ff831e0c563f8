package acme

import (
	"context"
	"log/slog"

	"go.uber.org/zap/zapcore"
)

// core writes what certmagic logs, which it does by zap, to a slog handler. It tells
// of each lock and each step at Info, which is Debug here.
type core struct{ handler slog.Handler }

var _ zapcore.Core = core{}

func levelOf(level zapcore.Level) slog.Level {
	switch {
	case level >= zapcore.ErrorLevel:
		return slog.LevelError
	case level >= zapcore.WarnLevel:
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// Enabled implements zapcore.LevelEnabler.
func (c core) Enabled(level zapcore.Level) bool {
	return c.handler.Enabled(context.Background(), levelOf(level))
}

// With implements zapcore.Core.
func (c core) With(fields []zapcore.Field) zapcore.Core {
	return core{c.handler.WithAttrs(attrsOf(fields))}
}

// Check implements zapcore.Core.
func (c core) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

// Write implements zapcore.Core.
func (c core) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	record := slog.NewRecord(entry.Time, levelOf(entry.Level), "acme: "+entry.Message, 0)
	record.AddAttrs(attrsOf(fields)...)
	return c.handler.Handle(context.Background(), record)
}

// Sync implements zapcore.Core.
func (c core) Sync() error { return nil }

func attrsOf(fields []zapcore.Field) (attrs []slog.Attr) {
	encoded := zapcore.NewMapObjectEncoder()
	for _, field := range fields {
		field.AddTo(encoded)
		if value, ok := encoded.Fields[field.Key]; ok {
			attrs = append(attrs, slog.Any(field.Key, value))
		}
	}
	return attrs
}
