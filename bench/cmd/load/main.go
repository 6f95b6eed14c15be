// Command load drives a server with the run that stands, as JSON, on its standard input, and prints the
// result as JSON. It is a process of its own, so that its CPU time can be told from the server's.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/triport/triport-console/bench/internal/load"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run() error {
	var cfg load.Config
	if err := json.NewDecoder(os.Stdin).Decode(&cfg); err != nil {
		return fmt.Errorf("read the run: %w", err)
	}
	r, err := load.Run(cfg)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}
