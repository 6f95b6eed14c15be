package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// gatedWriter is a stream that is read only after open is closed.
type gatedWriter struct {
	entered chan struct{} // receives a value for each write
	open    chan struct{}
	mu      sync.Mutex
	text    strings.Builder
}

func (g *gatedWriter) Write(p []byte) (int, error) {
	select {
	case g.entered <- struct{}{}:
	default:
	}
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.Write(p)
}

func (g *gatedWriter) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.String()
}

func newGatedLog(limit time.Duration) (*gatedWriter, *logWriter) {
	g := &gatedWriter{entered: make(chan struct{}, 1), open: make(chan struct{})}
	return g, newLogWriter(g, limit, func(n int64) { _, _ = fmt.Fprintf(g, "dropped %d\n", n) })
}

func TestFullLogQueueDropsAndCountsLines(t *testing.T) {
	t.Parallel()
	g, w := newGatedLog(time.Minute)
	lines := w.lines()
	_, _ = lines.Write([]byte("first\n"))
	<-g.entered // the queue is empty, and the stream is not read
	for i := range maxLogLines + 7 {
		if _, err := fmt.Fprintf(lines, "line %d\n", i); err != nil {
			t.Fatal(err)
		}
	}
	close(g.open)
	w.flush()
	got := strings.Split(strings.TrimSpace(g.String()), "\n")
	if want := fmt.Sprintf("line %d", maxLogLines-1); len(got) != maxLogLines+2 || got[1] != "dropped 7" || got[len(got)-1] != want {
		t.Errorf("%d lines: %q … %q", len(got), got[:min(3, len(got))], got[len(got)-1])
	}
}

func TestAttemptLineFailsWhileStderrIsNotRead(t *testing.T) {
	t.Parallel()
	g, w := newGatedLog(50 * time.Millisecond)
	lines := w.lines()
	for range maxLogLines + 1 { // log lines leave room for attempts
		_, _ = lines.Write([]byte("x\n"))
	}
	if _, err := w.Write([]byte("attempt 0\n")); !errors.Is(err, errLogStalled) {
		t.Errorf("error %v", err)
	}
	started := time.Now()
	for i := range 100 { // they must not wait one after the other
		if _, err := fmt.Fprintf(w, "attempt %d\n", i+1); !errors.Is(err, errLogStalled) {
			t.Errorf("error %v", err)
		}
	}
	if took := time.Since(started); took > 2*time.Second {
		t.Errorf("100 attempts took %s", took)
	}
	close(g.open)
	for _, err := w.Write(nil); err != nil; _, err = w.Write(nil) { // until the queue is written
		if !errors.Is(err, errLogStalled) {
			t.Fatal(err)
		}
	}
	if !strings.Contains(g.String(), "attempt 100\n") {
		t.Error("a waiting attempt was not written when the stream was read again")
	}
}

func TestLogValuesAreTheSameInEveryFormat(t *testing.T) {
	t.Parallel()
	for format, want := range map[string][]string{
		"text":   {" in=1.5s ", " address=127.0.0.1:80 ", " at=2026-11-24T10:00:00.120Z ", " status=200"},
		"logfmt": {" in=1.5s ", " address=127.0.0.1:80 ", " at=2026-11-24T10:00:00.120Z ", " status=200"},
		"json":   {`"in":"1.5s"`, `"address":"127.0.0.1:80"`, `"at":"2026-11-24T10:00:00.120Z"`, `"status":200`},
	} {
		s := newTestStreams()
		s.newLogger(&s.err, "info", format).With("in", 1500*time.Millisecond).Info("x",
			"address", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80},
			"at", time.Date(2026, 11, 24, 10, 0, 0, 120e6, time.UTC), slog.Int("status", 200))
		for _, part := range want {
			if !strings.Contains(s.err.String(), part) {
				t.Errorf("%s: %q has no %s", format, s.err.String(), part)
			}
		}
		if time, _, _ := strings.Cut(strings.TrimPrefix(s.err.String(), `{"time":"`), "Z"); len(strings.TrimPrefix(time, "time=")) != len("2026-11-24T10:00:00.120") {
			t.Errorf("%s: the time of %q has no milliseconds", format, s.err.String())
		}
	}
}
