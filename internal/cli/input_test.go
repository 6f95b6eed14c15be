package cli

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func linesOf(t *testing.T, r io.Reader) []string {
	t.Helper()
	var got []string
	for l, err := range readLines(r) {
		if err != nil {
			t.Fatal(err)
		}
		text := string(l.text)
		if l.err != nil {
			text = l.err.Error()
		}
		got = append(got, strings.Repeat("\n", l.number-1)+text)
	}
	return got
}

func TestLinesKeepTheirNumbers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxInputLine)
	tests := []struct {
		in   string
		want []string
	}{
		{"", nil},
		{"\n \n", nil},
		{"a", []string{"a"}},
		{"a\r\n\n b \n", []string{"a", "\n\nb"}},
		{long + "yy\nb", []string{errLongLine.Error(), "\nb"}},
		{long + long + long, []string{errLongLine.Error()}},
		{long[1:] + "\nb", []string{long[1:], "\nb"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, linesOf(t, strings.NewReader(tt.in))); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(tt.want, linesOf(t, iotest.HalfReader(strings.NewReader(tt.in)))); diff != "" {
			t.Error(diff)
		}
	}
}

func TestAReadErrorEndsTheLines(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	var last error
	for _, err := range readLines(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken))) {
		last = err
	}
	if !errors.Is(last, broken) {
		t.Error(last)
	}
}

func TestAnInterruptibleReaderReadsTheSame(t *testing.T) {
	t.Parallel()
	if err := iotest.TestReader(interruptible(context.Background(), strings.NewReader("hello world")), []byte("hello world")); err != nil {
		t.Error(err)
	}
}

func TestAReaderThatWaitsIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	defer w.Close()
	done := make(chan error, 1)
	go func() {
		_, err := interruptible(ctx, r).Read(make([]byte, 1))
		done <- err
	}()
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("still waits")
	}
}
