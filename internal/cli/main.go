// Package cli is the operator's side of the program: the command tree, the configuration, the
// streams, the exit codes, and the wiring of the other rooms.
package cli

import (
	"bufio"
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Main runs the program on the process's own arguments and streams and returns its exit code. The
// first SIGINT or SIGTERM asks for a clean end, the second one does not wait for it.
func Main() int {
	// A reader that has seen enough (| head -1) shows as EPIPE, which ends a command in good order; a
	// server must outlive the reader of its log.
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan int, 1)
	go func() { done <- Run(ctx, SystemStreams(), os.Args[1:]) }()
	for asked := false; ; asked = true {
		select {
		case code := <-done:
			return code
		case <-signals:
			if asked {
				return exitFailed
			}
			cancel()
		}
	}
}

// Run executes one command line and returns its exit code. When ctx ends, it stops in good order.
func Run(ctx context.Context, s Streams, args []string) int {
	out := bufio.NewWriter(s.Out)
	a := newApp(s, out)
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(out)
	root.SetErr(s.Err)
	cmd, err := root.ExecuteContextC(ctx)
	if ferr := out.Flush(); ferr != nil && err == nil {
		err = outputError(ferr)
	}
	return a.report(cmd, err)
}
