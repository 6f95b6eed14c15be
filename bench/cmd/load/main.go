// Command load reads a run as JSON from standard input, sends its requests to a server, and prints the result as
// JSON. It is a separate process, so its CPU time is not mixed with the server's.
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
