package cli

import (
	"context"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/charmbracelet/log"
)

// logTime is the form of all times in the log, in UTC.
const logTime = "2006-01-02T15:04:05.000Z07:00"

// newLogger returns the logger of log.level and log.format that writes each line to w with one call.
func (s Streams) newLogger(w io.Writer, level, format string) *slog.Logger {
	levels := map[string]log.Level{"debug": log.DebugLevel, "info": log.InfoLevel, "warn": log.WarnLevel, "error": log.ErrorLevel}
	formatters := map[string]log.Formatter{"text": log.TextFormatter, "json": log.JSONFormatter, "logfmt": log.LogfmtFormatter}
	handler := log.NewWithOptions(w, log.Options{
		Level: levels[level], Formatter: formatters[format],
		ReportTimestamp: true, TimeFunction: log.NowUTC, TimeFormat: logTime,
	})
	handler.SetColorProfile(s.colors(s.ErrIsTerminal))
	return slog.New(sameValues{handler})
}

// sameValues makes values look the same in every format: the JSON formatter writes a duration as a number without
// its unit, and an address as an object.
type sameValues struct{ slog.Handler }

// Handle implements slog.Handler.
func (h sameValues) Handle(ctx context.Context, r slog.Record) error {
	same := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		same.AddAttrs(sameValue(a))
		return true
	})
	return h.Handler.Handle(ctx, same)
}

// WithAttrs implements slog.Handler.
func (h sameValues) WithAttrs(attrs []slog.Attr) slog.Handler {
	return sameValues{h.Handler.WithAttrs(convert(attrs, sameValue))}
}

// WithGroup implements slog.Handler.
func (h sameValues) WithGroup(name string) slog.Handler { return sameValues{h.Handler.WithGroup(name)} }

// sameValue replaces durations, times and addresses by strings. Numbers, strings and errors look the same already.
func sameValue(a slog.Attr) slog.Attr {
	switch v := a.Value.Resolve().Any().(type) {
	case time.Duration:
		return slog.String(a.Key, v.String())
	case time.Time:
		return slog.String(a.Key, v.UTC().Format(logTime))
	case net.Addr:
		return slog.String(a.Key, v.String())
	}
	return a
}
