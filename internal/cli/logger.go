package cli

import (
	"log/slog"
	"time"

	"github.com/charmbracelet/log"
)

// newLogger returns a logger that writes to stderr as the configuration says.
func (a *app) newLogger(level, format string) *slog.Logger {
	levels := map[string]log.Level{"debug": log.DebugLevel, "info": log.InfoLevel, "warn": log.WarnLevel, "error": log.ErrorLevel}
	formatters := map[string]log.Formatter{"text": log.TextFormatter, "json": log.JSONFormatter, "logfmt": log.LogfmtFormatter}
	handler := log.NewWithOptions(a.Err, log.Options{
		Level: levels[level], Formatter: formatters[format],
		ReportTimestamp: true, TimeFunction: log.NowUTC, TimeFormat: time.RFC3339,
	})
	handler.SetColorProfile(a.colors(a.ErrIsTerminal))
	return slog.New(handler)
}
