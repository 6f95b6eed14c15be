package cli

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestInterruptibleReaderPassesAllBytes(t *testing.T) {
	t.Parallel()
	if err := iotest.TestReader(interruptible(context.Background(), strings.NewReader("hello world")), []byte("hello world")); err != nil {
		t.Error(err)
	}
}

func TestBlockedReadIsInterrupted(t *testing.T) {
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
		t.Error("the read still blocks")
	}
}
