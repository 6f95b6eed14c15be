package cli

import (
	"context"
	"io"
	"sync/atomic"

	"github.com/triport/triport-console/internal/referral"
)

// watchedSpool remembers whether the spool could be drained when it was last tried.
type watchedSpool struct {
	referral.Spool
	failed atomic.Bool
}

// Drain does as the spool does.
func (w *watchedSpool) Drain(ctx context.Context, replay func(segment io.Reader, setAside referral.SetAside) error) error {
	err := w.Spool.Drain(ctx, replay)
	w.failed.Store(err != nil)
	return err
}

// notReady says in words what keeps the spool from being empty; a spool that empties is ready.
func (w *watchedSpool) notReady() []string {
	waiting, err := w.Waiting()
	switch {
	case err != nil:
		return []string{"the spool cannot be read"}
	case waiting && w.failed.Load():
		return []string{"attempts wait in the spool and are not draining"}
	}
	return nil
}
