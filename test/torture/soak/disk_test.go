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

// stallOf is how long an fsync of the watch must take to count as a stall: a quarter of a call's deadline.
const stallOf = 500 * time.Millisecond

// span is from when to when something took place.
type span struct{ from, to time.Time }

// disk knows when the disk itself stalled, from fsyncs of a file of its own. An attempt that had to wait
// for the disk then went to the spool, as is promised; one that waited while the disk was well is a fault.
type disk struct {
	mu      sync.Mutex
	stalls  []span
	slowest time.Duration
}

// watch writes and fsyncs twenty times a second, in the directory of the database, until ctx ends.
func (d *disk) watch(ctx context.Context, dir string) (err error) {
	f, err := os.Create(filepath.Join(dir, "watch"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	tick := time.NewTicker(time.Second / 20)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		began := time.Now()
		if _, err := f.WriteAt([]byte(began.String()), 0); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		d.note(span{began, time.Now()})
	}
}

func (d *disk) note(s span) {
	d.mu.Lock()
	defer d.mu.Unlock()
	took := s.to.Sub(s.from)
	d.slowest = max(d.slowest, took)
	if took >= stallOf {
		d.stalls = append(d.stalls, s)
	}
}

// excuses tells whether the disk stalled during a call.
func (d *disk) excuses(call span) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.stalls {
		if s.from.Before(call.to) && call.from.Before(s.to) {
			return true
		}
	}
	return false
}

// judge says how many calls waited while the disk was well.
func (d *disk) judge(waited []span) (faults []string) {
	without := slices.DeleteFunc(slices.Clone(waited), d.excuses)
	if len(without) > 0 {
		first := without[0]
		faults = append(faults, fmt.Sprintf("%d calls were answered internal_error while the disk was well, the first after %s", len(without), first.to.Sub(first.from)))
	}
	return faults
}

func TestOnlyAStallOfTheDiskExcusesAWait(t *testing.T) {
	t.Parallel()
	var d disk
	at := time.Now()
	after := func(s float64) time.Time { return at.Add(time.Duration(s * float64(time.Second))) }
	d.note(span{after(1), after(1.4)}) // no stall
	d.note(span{after(5), after(7)})
	if faults := d.judge([]span{{after(4), after(6)}, {after(6.5), after(8.5)}}); len(faults) > 0 {
		t.Errorf("they waited for the disk: %q", faults)
	}
	for _, call := range []span{{after(0), after(2)}, {after(2), after(4)}, {after(8), after(10)}} {
		if faults := d.judge([]span{call}); len(faults) != 1 {
			t.Errorf("from %s to %s the disk was well: %q", call.from, call.to, faults)
		}
	}
}
