package soak

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

const (
	// watchEvery is the pause between two fsyncs.
	watchEvery = time.Second / 20
	// minStall is how late a pause and its fsync must be to count as a stall: a quarter of a call's deadline.
	minStall = 500 * time.Millisecond
)

// span is a period.
type span struct{ from, to time.Time }

// stallDetector records when the disk or the machine stalled: a goroutine that only waits and fsyncs its own
// file was late. An attempt may be spooled during a stall, but at no other time.
type stallDetector struct {
	mu     sync.Mutex
	stalls []span
	worst  time.Duration
}

// watch waits and fsyncs in turn until ctx ends, in the directory of the database.
func (d *stallDetector) watch(ctx context.Context, dir string) (err error) {
	f, err := os.Create(filepath.Join(dir, "watch"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for started := time.Now(); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(watchEvery):
		}
		if _, err := f.WriteAt([]byte(started.String()), 0); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		now := time.Now()
		d.add(span{started, now})
		started = now
	}
}

// add records a pause and its fsync.
func (d *stallDetector) add(s span) {
	d.mu.Lock()
	defer d.mu.Unlock()
	late := s.to.Sub(s.from) - watchEvery
	d.worst = max(d.worst, late)
	if late >= minStall {
		d.stalls = append(d.stalls, s)
	}
}

// stalledDuring reports whether the machine stalled during a call.
func (d *stallDetector) stalledDuring(call span) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.stalls {
		if s.from.Before(call.to) && call.from.Before(s.to) {
			return true
		}
	}
	return false
}

// unexplained describes the spooled calls during which there was no stall.
func (d *stallDetector) unexplained(spooled []span) (problems []string) {
	calls := slices.DeleteFunc(slices.Clone(spooled), d.stalledDuring)
	if len(calls) > 0 {
		first := calls[0]
		problems = append(problems, fmt.Sprintf("%d calls were answered internal_error without a stall, the first after %s", len(calls), first.to.Sub(first.from)))
	}
	return problems
}

func TestSpooledCallNeedsStall(t *testing.T) {
	t.Parallel()
	var d stallDetector
	at := time.Now()
	after := func(s float64) time.Time { return at.Add(time.Duration(s * float64(time.Second))) }
	d.add(span{after(1), after(1.4)}) // no stall
	d.add(span{after(5), after(7)})
	if problems := d.unexplained([]span{{after(4), after(6)}, {after(6.5), after(8.5)}}); len(problems) > 0 {
		t.Errorf("there was a stall: %q", problems)
	}
	for _, call := range []span{{after(0), after(2)}, {after(2), after(4)}, {after(8), after(10)}} {
		if problems := d.unexplained([]span{call}); len(problems) != 1 {
			t.Errorf("there was no stall from %s to %s: %q", call.from, call.to, problems)
		}
	}
}
