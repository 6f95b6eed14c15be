package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/triport/triport-console/internal/bounded"
	"github.com/triport/triport-console/internal/fsutil"
	"github.com/triport/triport-console/internal/referral"
)

const (
	// stalledAfter is how long attempts may wait without progress: another process may hold the spool.
	stalledAfter = 5 * time.Second
	// checkTimeout limits a check of the files: /readyz must answer even if the disk hangs.
	checkTimeout = time.Second
)

// errForeign keeps a spool that was restored too late from an empty database, which knows none of its users.
var errForeign = errors.New("the spool belongs to an earlier database, and this one was created when the server started: " +
	"stop the server, put the earlier database back, start it again")

// monitoredSpool reports appended attempts and records the progress of draining.
type monitoredSpool struct {
	referral.Spool
	now      func() time.Time
	appended func(err error) // may be nil
	check    bounded.Call[bool]
	failed   atomic.Bool  // the last drain failed
	progress atomic.Int64 // last time at which nothing waited or a segment was read, in Unix nanoseconds

	created      bool // the database was created when the process started
	foreignMu    sync.Mutex
	foreignCheck bounded.Call[bool]

	own     bool // this process has spooled an attempt of the new database
	foreign bool // what waits is not from this process
}

// isForeign reports whether what waits was there before the first attempt of this process, next to a new database.
func (m *monitoredSpool) isForeign() bool {
	if !m.created {
		return false
	}
	waiting, err := m.foreignCheck.Do(checkTimeout, m.Spool.Waiting) // before the lock: the disk may hang
	m.foreignMu.Lock()
	defer m.foreignMu.Unlock()
	if !m.own && err == nil {
		m.foreign = waiting
	}
	return m.foreign
}

// noteAppend is called before an append.
func (m *monitoredSpool) noteAppend() {
	foreign := m.isForeign()
	m.foreignMu.Lock()
	defer m.foreignMu.Unlock()
	m.own = !foreign
}

func newMonitoredSpool(s referral.Spool, now func() time.Time, appended func(err error)) *monitoredSpool {
	m := &monitoredSpool{Spool: s, now: now, appended: appended}
	m.noteProgress()
	return m
}

func (m *monitoredSpool) noteProgress() { m.progress.Store(m.now().UnixNano()) }

// Append implements referral.Spool.
func (m *monitoredSpool) Append(ctx context.Context, a referral.Attempt) error {
	m.noteAppend()
	err := m.Spool.Append(ctx, a)
	if m.appended != nil {
		m.appended(err)
	}
	return err
}

// Waiting implements referral.Spool.
func (m *monitoredSpool) Waiting() (bool, error) {
	waiting, err := m.Spool.Waiting()
	if err == nil && !waiting {
		m.noteProgress()
	}
	return waiting, err
}

// Drain implements referral.Spool.
func (m *monitoredSpool) Drain(ctx context.Context, replay func(segment io.Reader, deadLetter referral.DeadLetter) error) error {
	if m.isForeign() {
		m.failed.Store(true)
		return errForeign
	}
	err := m.Spool.Drain(ctx, func(segment io.Reader, deadLetter referral.DeadLetter) error {
		return replay(readerFunc(func(p []byte) (int, error) {
			m.noteProgress()
			return segment.Read(p)
		}), deadLetter)
	})
	if m.failed.Store(err != nil); err == nil {
		m.noteProgress() // a drain may leave carried segments for a later one
	}
	return err
}

type readerFunc func(p []byte) (int, error)

// Read implements io.Reader.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// notReady says what keeps the spool from being empty. A spool that is draining is ready.
func (m *monitoredSpool) notReady() []string {
	waiting, err := m.check.Do(checkTimeout, m.Waiting)
	switch {
	case err != nil:
		return []string{fmt.Sprintf("the spool cannot be read: %v", fsutil.WithoutPath(err))}
	case waiting && m.isForeign():
		return []string{errForeign.Error()}
	case waiting && (m.failed.Load() || m.now().Sub(time.Unix(0, m.progress.Load())) >= stalledAfter):
		return []string{"attempts wait in the spool and are not draining"}
	}
	return nil
}

// logReadiness logs each change once, however often clients poll, and returns problems.
func (a *app) logReadiness(problems []string) []string {
	failed := len(problems) > 0
	if a.failed.Swap(failed) == failed {
		return problems
	}
	if failed {
		a.Log.Error("server is not ready", "error", strings.Join(problems, "; "),
			"hint", "check what the error names: the database's disk, its permissions, or the process that holds its lock")
	} else {
		a.Log.Info("server is ready again")
	}
	return problems
}
