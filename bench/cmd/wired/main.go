// Command wired is the product's server wired by hand, for what no flag of the product sets: how many
// attempts share a transaction. With -batch 1 it is what a careful handler with one prepared writer
// gets; with -batch 256 it shows that the wiring itself costs nothing.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/triport/triport-console/bench/internal/serve"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/server"
	"github.com/triport/triport-console/internal/spool"
	"github.com/triport/triport-console/internal/sqlite"
)

// The product's defaults.
const (
	deadline        = 2 * time.Second
	pickupMaxAge    = 720 * time.Hour
	shutdownTimeout = 10 * time.Second
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "`address` to listen on")
	database := flag.String("database", "triport.db", "database `file`")
	batch := flag.Int("batch", 256, "how many attempts may share a transaction")
	flag.Parse()
	if err := run(*listen, *database, *batch); err != nil {
		fmt.Fprintln(os.Stderr, "wired:", err)
		os.Exit(1)
	}
}

func run(listen, database string, batch int) (err error) {
	ctx, cancel := serve.UntilTold()
	defer cancel()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	store, err := sqlite.Open(ctx, database, sqlite.Options{Mode: sqlite.Create, Log: log, BatchSize: batch})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	sp := spool.New(database)
	service := referral.NewService(store, sp, referral.Rules{}, deadline, log, os.Stderr)
	srv := server.New(
		server.Config{CookieSecure: server.SecureAuto, PickupMaxAge: pickupMaxAge, PickupTouch: server.TouchLast, StoreTimeout: deadline},
		server.Deps{Sessions: store, Referrals: service, NotReady: store.NotReady, Log: log, Now: time.Now})
	ln, err := serve.Listen(listen, os.Stdout)
	if err != nil {
		return err
	}
	go func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		service.DrainWhenWaiting(ctx, ticker.C)
	}()
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	timed, stop := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer stop()
	return srv.Shutdown(timed)
}
