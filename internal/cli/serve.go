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
	"github.com/triport/triport-console/internal/sqlite"
)

// drainEvery is how soon after the store is well again the spool is tried.
const drainEvery = time.Second

type serveOptions struct{}

func newServe(a *app) *cobra.Command {
	cmd := leaf(a, "serve [--listen HOST:PORT]", "run the server",
		`Run the server. The database is made when it does not exist, and its schema is
brought up to date. The address is printed on stdout once the server listens;
the log goes to stderr.

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
	ln, err := listen(ctx, cfg.Listen)
	if err != nil {
		return err
	}
	defer func() { _ = ln.Close() }() // the server has closed it, unless it never came to serve
	log := a.newLogger(cfg.Log.Level, cfg.Log.Format)
	store, err := sqlite.Open(ctx, cfg.Database, sqlite.Options{Mode: sqlite.Create, Log: log})
	if err != nil {
		return err
	}
	h := newHouse(a, cfg, store, log)
	if err := a.announce(ln.Addr()); err != nil {
		log.Warn("the address could not be printed on stdout", "cause", err)
	}
	log.Info("listening", "address", ln.Addr())
	return h.run(ctx, ln)
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("the address %s is taken: stop the other program, or choose another address with --listen", address)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("the address %s is not allowed to this user: choose a port above 1023 with --listen", address)
	case err != nil:
		return nil, fmt.Errorf("%w: choose another address with --listen", err)
	}
	return ln, nil
}

// announce tells whoever started the server where it listens. They may wait for the line.
func (a *app) announce(addr net.Addr) error {
	url := "http://" + addr.String()
	err := a.result(struct {
		Listening string `json:"listening"`
	}{url}, func() { a.printf("listening on %s\n", url) })
	return errors.Join(err, a.flush())
}

// house is the server with all that works beside it.
type house struct {
	cfg     Config
	store   *sqlite.Store
	log     *slog.Logger
	spool   *watchedSpool
	service *referral.Service
	server  *server.Server
}

func newHouse(a *app, cfg Config, store *sqlite.Store, log *slog.Logger) *house {
	h := &house{cfg: cfg, store: store, log: log, spool: watchSpool(spool.New(cfg.Database), a.Now)}
	h.service = referral.NewService(store, h.spool, cfg.Rules(), cfg.Referral.Deadline, log, a.Err)
	h.server = server.New(cfg.Server(), server.Deps{
		Sessions: store, Referrals: h.service, NotReady: h.notReady, Log: log, Now: a.Now,
	})
	return h
}

func (h *house) notReady(ctx context.Context) []string {
	return append(h.store.NotReady(ctx), h.spool.notReady()...)
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

	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
	}
	h.shutdown(context.WithoutCancel(ctx))
	stopDraining()
	<-drained
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
