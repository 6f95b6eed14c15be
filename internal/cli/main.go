// Package cli contains the commands of the program.
package cli

import (
	"bufio"
	"cmp"
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Main runs the program with the arguments and streams of the process and returns its exit code. The first SIGINT
// or SIGTERM cancels the command, the second one ends it at once.
func Main() int {
	// A reader that closes early (| head -1) then shows as EPIPE. A server must outlive the reader of its log.
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan int, 1)
	go func() { done <- Run(ctx, SystemStreams(), os.Args[1:]) }()
	for range 2 {
		select {
		case code := <-done:
			return code
		case <-signals:
			cancel()
		}
	}
	return exitFailed
}

// Run runs one command line and returns its exit code. The command stops in order when ctx ends.
func Run(ctx context.Context, s Streams, args []string) int {
	e := newEnv(s, bufio.NewWriter(s.Out))
	root := newRoot(e)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	return e.report(cmd, cmp.Or(err, e.flush()))
}
