package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/store/sqlite"
)

// The exit codes of docs/cli.md.
const (
	exitDone       = 0
	exitFailed     = 1
	exitUsage      = 2
	exitMissing    = 3
	exitDifference = 4
)

var (
	errInterrupted = errors.New("interrupted")
	// errPartlyDone is for commands that have reported how much they did.
	errPartlyDone = errors.New("interrupted: what is counted is done, run the command again for the rest")
)

// exitError is an error with its exit code.
type exitError struct {
	error
	code    int
	help    bool // point to the help of the command
	printed bool // the error is on stderr already
}

// Unwrap returns the error without its exit code.
func (e *exitError) Unwrap() error { return e.error }

// usagef reports a command line that the help does not allow.
func usagef(format string, args ...any) error {
	return &exitError{code: exitUsage, error: fmt.Errorf(format, args...), help: true}
}

// badValue reports a wrong value of an argument or setting.
func badValue(err error) error { return &exitError{code: exitUsage, error: err} }

// missing reports that a named thing does not exist.
func missing(err error) error { return &exitError{code: exitMissing, error: err} }

// differencef reports what a check found.
func differencef(format string, args ...any) error {
	return &exitError{code: exitDifference, error: fmt.Errorf(format, args...)}
}

// outputError describes an error of stdout, if there is one.
func outputError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("write the result: %w", err)
}

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
	case errors.Is(err, sqlite.ErrNoDatabase), errors.Is(err, sqlite.ErrLeftBehind), errors.Is(err, auth.ErrNotFound):
		return exitMissing
	}
	return exitFailed
}

// withoutCancellation replaces errors of a canceled context by errInterrupted. Other joined errors stay.
func withoutCancellation(err error) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || errors.Join(joined.Unwrap()...).Error() != err.Error() {
		return errInterrupted
	}
	return errors.Join(convert(joined.Unwrap(), withoutCancellation)...)
}

// report prints an error once and returns its exit code.
func (e *env) report(cmd *cobra.Command, err error) int {
	exit := &exitError{}
	errors.As(err, &exit)
	if err == nil || errors.Is(err, syscall.EPIPE) || exit.printed {
		return exitCode(err)
	}
	e.printError(err)
	if exit.help {
		fmt.Fprintf(e.Err, "run '%s --help' for its usage\n", cmd.CommandPath())
	}
	return exitCode(err)
}

// printError prints an error on stderr, escaped: it may quote input.
func (e *env) printError(err error) {
	lines := convert(strings.Split(withoutCancellation(err).Error(), "\n"), escapeText)
	fmt.Fprintf(e.Err, "%s: %s\n", programName, strings.Join(lines, "\n  "))
}
