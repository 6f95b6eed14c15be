package cli

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/app"
	"github.com/triport/triport-console/internal/config"
)

type serveOptions struct{}

func newServe(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve [--listen HOST:PORT]", Short: "run the server",
		Long: `Run the server. It creates the database if it does not exist and brings its
schema up to date. It prints its address on stdout when it accepts connections,
and then that of the metrics if metrics.listen is set. The log goes to stderr.

SIGTERM or SIGINT stops it gracefully: it answers running requests and commits
what they wrote. What is not written within shutdown_timeout goes to the spool. A
second signal ends it at once. If the database file is removed or replaced, it
stops with exit code 1.`,
		Example: `  triport-console serve
  triport-console serve --listen 127.0.0.1:9000 --database /var/lib/triport/triport.db`,
		RunE: e.action(func([]string) command { return serveOptions{} }),
	}
	cmd.Flags().String("listen", config.Default("listen"), "`address` to listen on")
	e.keyFlags["listen"] = cmd.Flags().Lookup("listen")
	return cmd
}

func (serveOptions) run(ctx context.Context, e *env) error {
	if _, err := e.loadConfig(); err != nil {
		return err
	}
	log, flush := e.startLog()
	defer flush()
	program, commit := readBuild(debug.ReadBuildInfo())
	err := app.Run(ctx, app.Options{
		Config: e.cfg, Version: program, Commit: commit, Log: log, Stderr: e.Err, Now: e.Now,
		Ready: func(a app.Addresses) {
			if err := e.printAddresses(a); err != nil {
				log.Warn("address could not be printed on stdout", "error", err)
			}
		},
	})
	return openError(err, e.cfg.Database)
}

// startLog returns the logger, and a function that waits until its lines are written, within logWait. From now on
// nothing waits longer than that for a reader of stderr.
func (e *env) startLog() (log *slog.Logger, flush func()) {
	direct := e.newLogger(e.Err, e.cfg.Log.Level, e.cfg.Log.Format)
	w := newLogWriter(e.Err, logWait, func(dropped int64) {
		direct.Warn("log lines were dropped", "count", dropped, "hint", "find what does not read stderr, or reads it too slowly")
	})
	e.Err = w
	return e.newLogger(w.lines(), e.cfg.Log.Level, e.cfg.Log.Format), w.flush
}

// printAddresses prints the addresses in one write: a supervisor may wait for the line.
func (e *env) printAddresses(a app.Addresses) error {
	err := e.result(object{{"listening", a.Server}, {"metrics", a.Metrics}}, func() {
		e.printf("listening on %s\n", a.Server)
		if a.Metrics != "" {
			e.printf("metrics on %s\n", a.Metrics)
		}
	})
	return errors.Join(err, e.flush())
}
