package app

import (
	"context"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"
)

func TestServiceManagerThatDoesNotReadDelaysNoShutdown(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	fill(t, socket)
	t.Setenv("NOTIFY_SOCKET", socket)
	cfg := testConfig(t, filepath.Join(t.TempDir(), "t.db"), nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Options{
			Config: cfg, Log: slog.New(slog.DiscardHandler), Stderr: io.Discard, Now: time.Now, Ready: func(Addresses) { cancel() },
		})
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("the server does not stop")
	}
}

// fill sends until the socket takes no more.
func fill(t *testing.T, socket string) {
	t.Helper()
	c, err := net.Dial("unixgram", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for err == nil {
		if err = c.SetWriteDeadline(time.Now().Add(10 * time.Millisecond)); err == nil {
			_, err = c.Write([]byte("x"))
		}
	}
}
