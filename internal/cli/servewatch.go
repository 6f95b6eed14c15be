package cli

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
)

// undrainedAfter is how long attempts may wait without any of them being replayed before the spool
// counts as not draining: another process may hold it, or the store may hang.
const undrainedAfter = 5 * time.Second

// lookWithin bounds a look at the files of the spool: /readyz must answer on a disk that hangs.
const lookWithin = time.Second

var errNoLook = fmt.Errorf("no answer within %s", lookWithin)

// watchedSpool remembers how draining goes, and tells what was appended.
type watchedSpool struct {
	referral.Spool
	now     func() time.Time
	observe func(attempts int, err error) // nil: nobody counts
	looks   singleflight.Group            // of notReady
	failed  atomic.Bool                   // the last drain did
	moved   atomic.Int64                  // when nothing waited, or a segment was read, last; Unix nanoseconds
}

func watchSpool(s referral.Spool, now func() time.Time) *watchedSpool {
	w := &watchedSpool{Spool: s, now: now}
	w.move()
	return w
}

func (w *watchedSpool) move() { w.moved.Store(w.now().UnixNano()) }

// Append does as the spool does.
func (w *watchedSpool) Append(ctx context.Context, attempts ...referral.Attempt) error {
	err := w.Spool.Append(ctx, attempts...)
	if w.observe != nil {
		w.observe(len(attempts), err)
	}
	return err
}

// Waiting does as the spool does.
func (w *watchedSpool) Waiting() (bool, error) {
	waiting, err := w.Spool.Waiting()
	if err == nil && !waiting {
		w.move()
	}
	return waiting, err
}

// Drain does as the spool does.
func (w *watchedSpool) Drain(ctx context.Context, replay func(segment io.Reader, setAside referral.SetAside) error) error {
	err := w.Spool.Drain(ctx, func(segment io.Reader, setAside referral.SetAside) error {
		return replay(watchedReader{segment, w}, setAside)
	})
	w.failed.Store(err != nil)
	return err
}

type watchedReader struct {
	io.Reader
	spool *watchedSpool
}

func (r watchedReader) Read(p []byte) (int, error) {
	r.spool.move()
	return r.Reader.Read(p)
}

// notReady says in words what keeps the spool from being empty; a spool that empties is ready.
func (w *watchedSpool) notReady() []string {
	waiting, err := w.look()
	switch {
	case err != nil:
		return []string{fmt.Sprintf("the spool cannot be read: %v", referral.WithoutPath(err))}
	case waiting && (w.failed.Load() || w.now().Sub(time.Unix(0, w.moved.Load())) >= undrainedAfter):
		return []string{"attempts wait in the spool and are not draining"}
	}
	return nil
}

// look is Waiting, for no longer than lookWithin. While one look hangs, later ones wait for the same, so that
// whoever asks every second does not fill the process with them.
func (w *watchedSpool) look() (waiting bool, err error) {
	timer := time.NewTimer(lookWithin)
	defer timer.Stop()
	select {
	case r := <-w.looks.DoChan("", func() (any, error) { return w.Waiting() }):
		waiting, _ = r.Val.(bool)
		return waiting, r.Err
	case <-timer.C:
		return false, errNoLook
	}
}

// readiness logs when what /readyz says changes, once each time: those who look may look every second,
// and nobody may be looking at the answer but them.
type readiness struct {
	log *slog.Logger

	mu  sync.Mutex
	bad bool
}

// note takes what is not ready, and returns it.
func (r *readiness) note(missing []string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch bad := len(missing) > 0; {
	case bad && !r.bad:
		r.log.Error("the server is not ready: mend the cause, attempts wait in the spool meanwhile",
			"cause", strings.Join(missing, "; "), "do", "mend what cause says")
	case !bad && r.bad:
		r.log.Info("the server is ready again")
	}
	r.bad = len(missing) > 0
	return missing
}
