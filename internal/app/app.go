// Package app runs the server with its store, spool and metrics.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/triport/triport-console/internal/config"
	"github.com/triport/triport-console/internal/fsutil"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/server"
	"github.com/triport/triport-console/internal/spool"
	"github.com/triport/triport-console/internal/store/sqlite"
)

const (
	// drainInterval is the time between two drains.
	drainInterval = time.Second
	// lostGrace limits running requests after the loss of the database: the process ends soon (see stopLost).
	lostGrace = 100 * time.Millisecond
	// recordTimeout limits a try to record the signup window: another process may hold the write lock.
	recordTimeout = 250 * time.Millisecond
)

var errLost = errors.New("the database file was removed or replaced while the server ran: restart the server; restore a backup first if the file is gone")

// Options are the settings of Run.
type Options struct {
	Config          config.Config
	Version, Commit string // of the program, for the metrics
	BatchSize       int    // as in sqlite.Options
	Log             *slog.Logger
	Stderr          io.Writer // receives attempts that store and spool both reject, as JSON lines
	Now             func() time.Time
	Ready           func(Addresses) // called once the addresses are bound and the database is open, before requests are read
}

// Addresses are the URLs that Run serves. Metrics may be empty.
type Addresses struct{ Server, Metrics string }

// Run serves until ctx ends, then answers running requests, spools the rest and closes the store. It fails if the
// database file is removed or replaced. A taken address is reported before the database is touched.
// Sockets that a service manager passed replace the addresses.
func Run(ctx context.Context, opt Options) error {
	passed, err := passedSockets()
	if err != nil {
		return err
	}
	ln, err := socketOr(ctx, passed.server, opt.Config.Listen, "--listen")
	if err != nil {
		return err
	}
	defer func() { _ = ln.Close() }() // the server closes it, unless it never starts
	ms, err := listenMetrics(ctx, opt, passed.metrics)
	if err != nil {
		return err
	}
	defer ms.close()
	harden(opt.Log)
	store, err := sqlite.Open(ctx, opt.Config.Database, sqlite.Options{
		Mode: sqlite.Create, Log: opt.Log, Observe: ms.committed, BatchSize: opt.BatchSize, Now: opt.Now,
	})
	if err != nil {
		return err
	}
	a := newApp(opt, store, ms)
	a.recorded = a.recordSignupWindow(ctx)
	opt.Ready(Addresses{"http://" + ln.Addr().String(), ms.url})
	return a.run(ctx, ln)
}

// listen binds an address; setting is its flag or key.
func listen(ctx context.Context, address, setting string) (net.Listener, error) {
	network := "tcp"
	if strings.HasPrefix(address, "0.0.0.0:") {
		network = "tcp4" // tcp would bind IPv6 too
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, network, address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("the address %s is taken: stop the other program, or choose another address with %s", address, setting)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("this user may not listen on %s: choose a port above 1023 with %s", address, setting)
	case err != nil:
		return nil, fmt.Errorf("%w: choose another address with %s", err, setting)
	}
	return ln, nil
}

// app is the running server with its store and spool.
type app struct {
	Options
	store     *sqlite.Store
	spool     *spool.Spool
	monitored *monitoredSpool // spool, with its progress noted
	metrics   *metricsServer
	service   *referral.Service
	server    *server.Server
	draining  sync.WaitGroup

	recorded error       // nil once the signup window is recorded
	failed   atomic.Bool // the last check found the server not ready
}

func newApp(opt Options, store *sqlite.Store, ms *metricsServer) *app {
	cfg := opt.Config
	a := &app{Options: opt, store: store, spool: spool.New(cfg.Database), metrics: ms}
	a.monitored = newMonitoredSpool(a.spool, opt.Now, ms.spooled)
	from, _ := store.SchemaVersions()
	a.monitored.created = from == 0
	a.service = referral.NewService(store, a.monitored, cfg.Rules(), cfg.Referral.Deadline, opt.Log, opt.Stderr)
	a.server = server.New(serverConfig(cfg), server.Deps{
		Sessions: store, Referrals: a.service, NotReady: a.notReady, Observe: ms.answered, Log: opt.Log, Now: opt.Now,
	})
	return a
}

func serverConfig(cfg config.Config) server.Config {
	return server.Config{
		CookieDomain: cfg.Cookies.Domain, CookieSecure: cfg.Cookies.Secure,
		PickupMaxAge: cfg.Pickup.MaxAge, PickupTouch: cfg.Pickup.Touch, LandingURL: cfg.Pickup.LandingURL,
		CORSOrigins: cfg.CORS.Origins, TrustedProxies: cfg.Proxy.Trusted,
		StoreTimeout: cfg.Store.Timeout, RequestsPerSecond: cfg.Limit.RequestsPerSecond,
	}
}

// notReady says what keeps the server from serving.
func (a *app) notReady(ctx context.Context) []string {
	return a.logReadiness(append(a.store.NotReady(ctx), a.monitored.notReady()...))
}

// run serves and drains the spool until ctx ends, the server fails or the database file is lost.
func (a *app) run(ctx context.Context, ln net.Listener) error {
	drainCtx, stopDraining := context.WithCancel(context.WithoutCancel(ctx))
	defer stopDraining()
	a.draining.Go(func() { a.service.DrainWhenWaiting(drainCtx, time.Tick(drainInterval)) })
	served := make(chan error, 1)
	go func() { served <- a.server.Serve(ln) }()
	a.metrics.serve(a)
	a.draining.Go(func() { a.keepRecording(drainCtx, time.Tick(drainInterval)) })
	a.draining.Go(func() { a.feedWatchdog(drainCtx) })
	a.notify(daemon.SdNotifyReady)

	var err error
	select {
	case <-a.store.Lost():
		return a.stopLost(stopDraining)
	case err = <-served:
	case <-ctx.Done():
	}
	return errors.Join(err, a.stop(a.Config.ShutdownTimeout, stopDraining))
}

// recordSignupWindow records what referral replay is to decide with.
func (a *app) recordSignupWindow(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	return a.store.RecordSignupWindow(ctx, a.Config.Referral.SignupWindow)
}

// keepRecording tries again at every tick until the signup window is recorded: the server starts on a locked database.
func (a *app) keepRecording(ctx context.Context, ticks <-chan time.Time) {
	if a.recorded != nil {
		a.Log.Warn("signup window could not be recorded for replays, retrying every second",
			"error", fsutil.WithoutPath(a.recorded), "hint", "until then, run referral replay with --signup-window")
	}
	for a.recorded != nil {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			a.recorded = a.recordSignupWindow(ctx)
		}
	}
}

// stop lets running requests finish until the timeout, spools the attempts of the rest, and closes everything.
func (a *app) stop(timeout time.Duration, stopDraining context.CancelFunc) error {
	a.Log.Info("stopping")
	a.notify(daemon.SdNotifyStopping)
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := a.server.Shutdown(ctx); err != nil {
		a.Log.Warn("requests still running at shutdown_timeout, spooling their attempts", "error", err)
	}
	stopDraining()
	a.draining.Wait()
	a.metrics.close() // before the store, which every scrape reads
	if err := a.store.Close(); err != nil {
		return fmt.Errorf("close the database: %w", err)
	}
	return nil
}

// stopLost stops after the loss of the database file. The store acknowledges nothing any more. If only the
// write-ahead log is gone, closing copies it into the database, which takes time on a slow disk.
func (a *app) stopLost(stopDraining context.CancelFunc) error {
	a.Log.Error("database file was removed or replaced, stopping", "error", a.store.Err(),
		"hint", "restart the server; restore a backup first if the file is gone")
	stopped := make(chan error, 1)
	go func() { stopped <- a.stop(lostGrace, stopDraining) }()
	select {
	case err := <-stopped:
		return errors.Join(errLost, err)
	case <-time.After(a.Config.ShutdownTimeout):
		return errLost
	}
}
