package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/server"
	"github.com/triport/triport-console/internal/spool"
	"github.com/triport/triport-console/internal/store/sqlite"
)

// drainEvery is how soon after the store is well again the spool is tried.
const drainEvery = time.Second

type serveOptions struct{}

func newServe(a *app) *cobra.Command {
	cmd := leaf(a, "serve [--listen HOST:PORT]", "run the server",
		`Run the server. The database is made when it does not exist, and its schema is
brought up to date. The address is printed on stdout once the server listens,
and that of the metrics after it when metrics.listen is set; the log goes to
stderr.

SIGTERM or SIGINT ends it in good order: running requests are answered, what they
wrote is committed, what could not be written by the end of shutdown_timeout waits
in the spool. A second signal does not wait.`,
		`  triport-console serve
  triport-console serve --listen 127.0.0.1:9000 --database /var/lib/triport/triport.db`,
		func(_ *cobra.Command, args []string) (action, error) { return serveOptions{}, exactly(args) })
	cmd.Flags().String("listen", "", "`address` to listen on (default \"127.0.0.1:8080\")")
	a.settings["listen"] = cmd.Flags().Lookup("listen")
	return cmd
}

// run binds first: a taken port or a bad configuration must not touch the database.
func (serveOptions) run(ctx context.Context, a *app) error {
	cfg, err := a.configuration()
	if err != nil {
		return err
	}
	ln, err := listen(ctx, cfg.Listen, "--listen")
	if err != nil {
		return err
	}
	defer func() { _ = ln.Close() }() // the server has closed it, unless it never came to serve
	look, err := openLookout(ctx, cfg.Metrics.Listen)
	if err != nil {
		return err
	}
	defer look.close()
	log := a.newLogger(cfg.Log.Level, cfg.Log.Format)
	harden(log)
	store, err := sqlite.Open(ctx, cfg.Database, sqlite.Options{Mode: sqlite.Create, Log: log, Observe: look.committed()})
	if err != nil {
		return openError(err)
	}
	h := newHouse(a, cfg, store, look, log)
	if err := a.announce(ln.Addr(), look.url()); err != nil {
		log.Warn("the address could not be printed on stdout", "cause", err)
	}
	log.Info("listening", "address", ln.Addr())
	return h.run(ctx, ln)
}

// listen binds an address; setting is what names another one.
func listen(ctx context.Context, address, setting string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("the address %s is taken: stop the other program, or choose another address with %s", address, setting)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("the address %s is not allowed to this user: choose a port above 1023 with %s", address, setting)
	case err != nil:
		return nil, fmt.Errorf("%w: choose another address with %s", err, setting)
	}
	return ln, nil
}

// announce tells whoever started the server where it listens, and where its metrics are unless they are
// off. They may wait for the line.
func (a *app) announce(addr net.Addr, figures string) error {
	url := "http://" + addr.String()
	err := a.result(struct {
		Listening string  `json:"listening"`
		Metrics   *string `json:"metrics"`
	}{url, optional(figures)}, func() {
		a.printf("listening on %s\n", url)
		if figures != "" {
			a.printf("metrics on %s\n", figures)
		}
	})
	return errors.Join(err, a.flush())
}

// house is the server with all that works beside it.
type house struct {
	cfg     Config
	store   *sqlite.Store
	log     *slog.Logger
	spool   *watchedSpool
	depth   func() (spool.Depth, error)
	ready   readiness
	lookout *lookout
	service *referral.Service
	server  *server.Server
}

func newHouse(a *app, cfg Config, store *sqlite.Store, look *lookout, log *slog.Logger) *house {
	waiting := spool.New(cfg.Database)
	h := &house{
		cfg: cfg, store: store, log: log, lookout: look, ready: readiness{log: log},
		spool: watchSpool(waiting, a.Now), depth: waiting.Depth,
	}
	h.spool.observe = look.spooled()
	h.service = referral.NewService(store, h.spool, cfg.Rules(), cfg.Referral.Deadline, log, a.Err)
	h.server = server.New(cfg.Server(), server.Deps{
		Sessions: store, Referrals: h.service, NotReady: h.notReady, Observe: look.answered(), Log: log, Now: a.Now,
	})
	return h
}

func (h *house) notReady(ctx context.Context) []string {
	return h.ready.note(append(h.store.NotReady(ctx), h.spool.notReady()...))
}

// run serves until ctx ends or the server fails, and leaves nothing undone behind: it drains the
// spool beside, and at the end answers, commits, spools and closes, in this order.
func (h *house) run(ctx context.Context, ln net.Listener) error {
	draining, stopDraining := context.WithCancel(context.WithoutCancel(ctx))
	defer stopDraining()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		ticker := time.NewTicker(drainEvery)
		defer ticker.Stop()
		h.service.DrainWhenWaiting(draining, ticker.C)
	}()
	served := make(chan error, 1)
	go func() { served <- h.server.Serve(ln) }()
	h.lookout.serve(h, h.log)

	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
	}
	h.shutdown(context.WithoutCancel(ctx))
	stopDraining()
	<-drained
	h.lookout.close() // the store is asked at every scrape
	return errors.Join(err, closeStore(h.store))
}

// shutdown answers running requests for as long as the operator allows. Those that are not done by
// then are told to give up, and their attempts go to the spool.
func (h *house) shutdown(ctx context.Context) {
	h.log.Info("stopping")
	timed, cancel := context.WithTimeout(ctx, h.cfg.ShutdownTimeout)
	defer cancel()
	if err := h.server.Shutdown(timed); err != nil {
		h.log.Warn("requests were still running at the end of shutdown_timeout: what they attempted waits in the spool", "cause", err)
	}
}
