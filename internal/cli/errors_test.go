package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"testing"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/store/sqlite"
)

func TestExitCodes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
		want int
	}{
		{"none", nil, 0},
		{"any other", errors.New("x"), 1},
		{"usage", usagef("x"), 2},
		{"a bad value", badValue(errors.New("x")), 2},
		{"not a user reference", fmt.Errorf("x: %w", auth.ErrUserRef), 2},
		{"no database", fmt.Errorf("x: %w", sqlite.ErrNoDatabase), 3},
		{"files of a missing database", fmt.Errorf("x: %w", sqlite.ErrLeftBehind), 3},
		{"not a database", fmt.Errorf("x: %w", sqlite.ErrNotDatabase), 1},
		{"a newer schema", fmt.Errorf("x: %w", sqlite.ErrNewerSchema), 1},
		{"an older schema", fmt.Errorf("x: %w", sqlite.ErrOlderSchema), 1},
		{"no user", fmt.Errorf("x: %w", auth.ErrNotFound), 3},
		{"no file", missing(errors.New("x")), 3},
		{"exists", fmt.Errorf("x: %w", auth.ErrExists), 1},
		{"a difference", differencef("x"), 4},
		{"a difference with a closed stdout", errors.Join(differencef("x"), outputError(syscall.EPIPE)), 4},
		{"a closed stdout", outputError(syscall.EPIPE), 0},
		{"a full disk", outputError(syscall.ENOSPC), 1},
		{"a difference and a failure", errors.Join(differencef("x"), errors.New("close")), 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := exitCode(tt.err); got != tt.want {
				t.Errorf("%d, not %d", got, tt.want)
			}
		})
	}
}

func TestErrorsAreEscaped(t *testing.T) {
	t.Parallel()
	s := newTestStreams()
	if code := Run(context.Background(), s.Streams, []string{"--\x1b[2J\u202e"}); code != exitUsage {
		t.Errorf("exit code %d", code)
	}
	want := "triport-console: unknown flag: --\\x1b[2J\\u202e\nrun 'triport-console --help' for its usage\n"
	if got := s.err.String(); got != want {
		t.Errorf("stderr %q", got)
	}
}

func TestErrorsJoinedToACancellationAreKept(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"alone", fmt.Errorf("read line 2: %w", context.Canceled), "interrupted"},
		{"wrapped twice", fmt.Errorf("%w: %w", sqlite.ErrLocked, context.Canceled), "interrupted"},
		{"joined to another", errors.Join(errors.Join(fmt.Errorf("check: %w", context.Canceled), errors.New("remove the copy")), nil),
			"interrupted\nremove the copy"},
		{"another", fmt.Errorf("x: %w", context.DeadlineExceeded), "x: context deadline exceeded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := withoutCancellation(tt.err).Error(); got != tt.want {
				t.Errorf("%q, not %q", got, tt.want)
			}
		})
	}
}

// failing is a stdout that accepts nothing.
type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestFailedWriteToStdoutIsAnError(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		out    io.Writer
		code   int
		stderr string
	}{
		{failing{syscall.EPIPE}, 0, ""},
		{failing{syscall.ENOSPC}, 1, "triport-console: write the result: no space left on device\n"},
		{&bytes.Buffer{}, 0, ""},
	} {
		s := newTestStreams()
		s.Out = tt.out
		code := Run(context.Background(), s.Streams, []string{"config", "show"})
		if code != tt.code || s.err.String() != tt.stderr {
			t.Errorf("%v: exit code %d, stderr %q", tt.out, code, s.err.String())
		}
	}
}
