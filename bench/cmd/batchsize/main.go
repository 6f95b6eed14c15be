// Command batchsize runs the product's server with another batch size, for which the product has no
// setting. With -batch 1 each attempt has its own transaction: a careful handler with one prepared
// writer. With -batch 256 it must be as fast as the product.
package main

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/triport/triport-console/bench/internal/serve"
	"github.com/triport/triport-console/internal/app"
	"github.com/triport/triport-console/internal/config"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "`address` to listen on")
	database := flag.String("database", "triport.db", "database `file`")
	batch := flag.Int("batch", 256, "how many attempts may share a transaction")
	flag.Parse()
	if err := run(*listen, *database, *batch); err != nil {
		fmt.Fprintln(os.Stderr, "batchsize:", err)
		os.Exit(1)
	}
}

func run(listen, database string, batch int) error {
	ctx, cancel := serve.SignalContext()
	defer cancel()
	cfg, _, err := config.Load(config.Sources{
		Flags:  map[string]config.Flag{"listen": {Name: "listen", Value: listen}, "database": {Name: "database", Value: database}},
		Getenv: func(string) string { return "" },
	})
	if err != nil {
		return err
	}
	return app.Run(ctx, app.Options{
		Config: cfg, BatchSize: batch, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Stderr: os.Stderr, Now: time.Now,
		Ready: func(a app.Addresses) { fmt.Println("listening on " + a.Server) },
	})
}
