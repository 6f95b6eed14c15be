package cli

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxLogLines is how many log lines may wait, about 300 bytes each. As many waiting attempts have the other half.
	maxLogLines = 1024
	// logWait limits how long a request or the shutdown waits for a log that is not read.
	logWait = time.Second
)

var errLogStalled = errors.New("stderr is not read: read it; the line may still follow then")

// logWriter writes to a stream in a goroutine of its own: a stream that is not read blocks nothing else. The goroutine
// ends with the process.
type logWriter struct {
	w       io.Writer
	limit   time.Duration
	queue   chan logItem
	dropped atomic.Int64
	report  func(dropped int64) // called by the goroutine; its lines must go to w

	mu      sync.Mutex
	started time.Time // of the write that is running, or else zero
}

// logItem is a line. done, if it is not nil, receives the error of its write.
type logItem struct {
	line []byte
	done chan error
}

func newLogWriter(w io.Writer, limit time.Duration, report func(dropped int64)) *logWriter {
	l := &logWriter{w: w, limit: limit, queue: make(chan logItem, 2*maxLogLines), report: report}
	go l.run()
	return l
}

func (l *logWriter) run() {
	for item := range l.queue {
		l.setStarted(time.Now())
		_, err := l.w.Write(item.line)
		if n := l.dropped.Swap(0); n > 0 {
			l.report(n)
		}
		l.setStarted(time.Time{})
		if item.done != nil {
			item.done <- err
		}
	}
}

func (l *logWriter) setStarted(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.started = at
}

// stalled reports whether a write has not ended within the limit.
func (l *logWriter) stalled() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.started.IsZero() && time.Since(l.started) >= l.limit
}

// Write returns once p is written, or with an error after the limit. While the stream is stalled it returns the error
// at once: requests must not wait for each other. The line stays in the queue if it has room.
func (l *logWriter) Write(p []byte) (int, error) {
	item := logItem{append([]byte(nil), p...), make(chan error, 1)}
	select {
	case l.queue <- item:
	default:
		return 0, errLogStalled
	}
	if l.stalled() {
		return 0, errLogStalled
	}
	select {
	case err := <-item.done:
		if err != nil {
			return 0, err
		}
		return len(p), nil
	case <-time.After(l.limit):
		return 0, errLogStalled
	}
}

// lines returns a writer of log lines that never waits. It drops and counts lines if too many wait already.
func (l *logWriter) lines() io.Writer { return lineWriter{l} }

type lineWriter struct{ l *logWriter }

// Write queues a line or drops it.
func (w lineWriter) Write(p []byte) (int, error) {
	if len(w.l.queue) >= maxLogLines {
		w.l.dropped.Add(1)
		return len(p), nil
	}
	select {
	case w.l.queue <- logItem{line: append([]byte(nil), p...)}:
	default: // other callers were faster
		w.l.dropped.Add(1)
	}
	return len(p), nil
}

// flush waits until the queued lines are written, at most for the limit.
func (l *logWriter) flush() { _, _ = l.Write(nil) }
