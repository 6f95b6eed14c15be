package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/spool"
)

const (
	// stalledAfter is how long attempts may wait without progress before the spool counts as not draining:
	// another process may hold it, or the store may hang.
	stalledAfter = 5 * time.Second
	// checkTimeout bounds a check of the spool's files: /readyz must answer even if the disk hangs.
	checkTimeout = time.Second
)

var errCheckTimeout = fmt.Errorf("no answer within %s", checkTimeout)

// spoolFiles is what the app needs of the spool. *spool.Spool implements it.
type spoolFiles interface {
	referral.Spool
	Depth() (spool.Depth, error)
}

// monitoredSpool observes a spool: it counts appended attempts and records the progress of draining.
type monitoredSpool struct {
	spoolFiles
	now      func() time.Time
	appended func(attempts int, err error)
	checks   singleflight.Group
	failed   atomic.Bool  // the last drain failed
	progress atomic.Int64 // last time at which nothing waited or a segment was read, in Unix nanoseconds
}

func newMonitoredSpool(s spoolFiles, now func() time.Time, appended func(attempts int, err error)) *monitoredSpool {
	m := &monitoredSpool{spoolFiles: s, now: now, appended: appended}
	m.noteProgress()
	return m
}

func (m *monitoredSpool) noteProgress() { m.progress.Store(m.now().UnixNano()) }

// Append implements referral.Spool.
func (m *monitoredSpool) Append(ctx context.Context, attempts ...referral.Attempt) error {
	err := m.spoolFiles.Append(ctx, attempts...)
	m.appended(len(attempts), err)
	return err
}

// Waiting implements referral.Spool.
func (m *monitoredSpool) Waiting() (bool, error) {
	waiting, err := m.spoolFiles.Waiting()
	if err == nil && !waiting {
		m.noteProgress()
	}
	return waiting, err
}

// Drain implements referral.Spool.
func (m *monitoredSpool) Drain(ctx context.Context, replay func(segment io.Reader, setAside referral.SetAside) error) error {
	err := m.spoolFiles.Drain(ctx, func(segment io.Reader, setAside referral.SetAside) error {
		return replay(progressReader{segment, m}, setAside)
	})
	m.failed.Store(err != nil)
	return err
}

// progressReader records every read as progress.
type progressReader struct {
	io.Reader
	spool *monitoredSpool
}

// Read implements io.Reader.
func (r progressReader) Read(p []byte) (int, error) {
	r.spool.noteProgress()
	return r.Reader.Read(p)
}

// notReady returns what keeps the spool from being empty, in words. A spool that is draining is ready.
func (m *monitoredSpool) notReady() []string {
	waiting, err := m.check()
	switch {
	case err != nil:
		return []string{fmt.Sprintf("the spool cannot be read: %v", referral.WithoutPath(err))}
	case waiting && (m.failed.Load() || m.now().Sub(time.Unix(0, m.progress.Load())) >= stalledAfter):
		return []string{"attempts wait in the spool and are not draining"}
	}
	return nil
}

// check is Waiting with a time limit. While a check hangs, later calls wait for the same one: a client that
// polls every second must not fill the process with hanging goroutines.
func (m *monitoredSpool) check() (waiting bool, err error) {
	timer := time.NewTimer(checkTimeout)
	defer timer.Stop()
	select {
	case r := <-m.checks.DoChan("", func() (any, error) { return m.Waiting() }):
		waiting, _ = r.Val.(bool)
		return waiting, r.Err
	case <-timer.C:
		return false, errCheckTimeout
	}
}

// readiness logs each change of the readiness once, even if clients poll every second.
type readiness struct {
	logger *slog.Logger

	mu       sync.Mutex
	notReady bool
}

// log logs a change, if there is one, and returns problems.
func (r *readiness) log(problems []string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch failed := len(problems) > 0; {
	case failed && !r.notReady:
		r.logger.Error("server is not ready", "error", strings.Join(problems, "; "),
			"hint", "check what the error names: the database's disk, its permissions, or the process that holds its lock")
	case !failed && r.notReady:
		r.logger.Info("server is ready again")
	}
	r.notReady = len(problems) > 0
	return problems
}
