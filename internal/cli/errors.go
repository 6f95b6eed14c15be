package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/store/sqlite"
)

// The exit codes, as docs/cli.md has them.
const (
	exitDone       = 0
	exitFailed     = 1
	exitUsage      = 2
	exitMissing    = 3
	exitDifference = 4
)

// exitError is an error that knows its exit code.
type exitError struct {
	code int
	err  error
	help bool // the command's own help says how it is meant
	told bool // it has been printed already
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usagef is a command line that is not as the command's help says.
func usagef(format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...), help: true}
}

// badValue is an argument or a configuration in the right place with a wrong value.
func badValue(err error) error { return &exitError{code: exitUsage, err: err} }

// missing is something named on the command line that does not exist.
func missing(err error) error { return &exitError{code: exitMissing, err: err} }

// difference is a check that did not come out clean.
func difference(format string, args ...any) error {
	return &exitError{code: exitDifference, err: fmt.Errorf(format, args...)}
}

// outputError is a failure to write to stdout.
func outputError(err error) error { return fmt.Errorf("write the result: %w", err) }

// exitCode turns any error into an exit code. It is the only place that does.
func exitCode(err error) int {
	var e *exitError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &e):
		return e.code
	case errors.Is(err, syscall.EPIPE):
		return exitDone
	case errors.Is(err, auth.ErrUserRef):
		return exitUsage
	case errors.Is(err, sqlite.ErrNoDatabase), errors.Is(err, auth.ErrNotFound):
		return exitMissing
	}
	return exitFailed
}

// What an operator reads of a command that a signal has ended. errInterruptedWithin is for a command that
// has reported how far it came.
var (
	errInterrupted       = errors.New("interrupted")
	errInterruptedWithin = errors.New("interrupted: what is counted is done, run the command again for the rest")
)

// worded says in the operator's words that a command was interrupted: what the end of its context was
// wrapped in on the way tells where the program was, which is no help to anybody. What went wrong beside
// that stays.
func worded(err error) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || errors.Join(joined.Unwrap()...).Error() != err.Error() {
		return errInterrupted
	}
	all := slices.Clone(joined.Unwrap())
	for i := range all {
		all[i] = worded(all[i])
	}
	return errors.Join(all...)
}

// report prints an error once, with the way to the help where that is a way out, and returns its
// exit code.
func (a *app) report(cmd *cobra.Command, err error) int {
	code := exitCode(err)
	var e *exitError
	told := errors.As(err, &e) && e.told
	if err == nil || told || errors.Is(err, syscall.EPIPE) {
		return code
	}
	a.complain(err)
	if e != nil && e.help {
		fmt.Fprintf(a.Err, "run '%s --help' to see how it is used\n", cmd.CommandPath())
	}
	return code
}

// complain prints an error on stderr. It may quote what came from outside, so it is escaped.
func (a *app) complain(err error) {
	lines := strings.Split(worded(err).Error(), "\n")
	for i := range lines {
		lines[i] = escapeText(lines[i])
	}
	fmt.Fprintf(a.Err, "%s: %s\n", programName, strings.Join(lines, "\n  "))
}
