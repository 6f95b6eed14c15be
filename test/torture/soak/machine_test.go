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
	// watchEvery is the pause between two fsyncs of the watch.
	watchEvery = time.Second / 20
	// stallOf is by how much a pause and its fsync must be late to count as a stall: a quarter of a call's
	// deadline.
	stallOf = 500 * time.Millisecond
)

// span is from when to when something took place.
type span struct{ from, to time.Time }

// machine knows when the disk or the whole machine stalled: a goroutine that does nothing but wait a
// moment and fsync a file of its own was late then. An attempt that had to wait with it went to the spool,
// as is promised; one that waited while all was well is a fault.
type machine struct {
	mu     sync.Mutex
	stalls []span
	worst  time.Duration
}

// watch waits and fsyncs in turn, in the directory of the database, until ctx ends.
func (m *machine) watch(ctx context.Context, dir string) (err error) {
	f, err := os.Create(filepath.Join(dir, "watch"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for began := time.Now(); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(watchEvery):
		}
		if _, err := f.WriteAt([]byte(began.String()), 0); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		now := time.Now()
		m.note(span{began, now})
		began = now
	}
}

// note takes a pause and its fsync.
func (m *machine) note(s span) {
	m.mu.Lock()
	defer m.mu.Unlock()
	late := s.to.Sub(s.from) - watchEvery
	m.worst = max(m.worst, late)
	if late >= stallOf {
		m.stalls = append(m.stalls, s)
	}
}

// excuses tells whether the machine stalled during a call.
func (m *machine) excuses(call span) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.stalls {
		if s.from.Before(call.to) && call.from.Before(s.to) {
			return true
		}
	}
	return false
}

// judge says how many calls waited while all was well.
func (m *machine) judge(waited []span) (faults []string) {
	without := slices.DeleteFunc(slices.Clone(waited), m.excuses)
	if len(without) > 0 {
		first := without[0]
		faults = append(faults, fmt.Sprintf("%d calls were answered internal_error while disk and machine were well, the first after %s", len(without), first.to.Sub(first.from)))
	}
	return faults
}

func TestOnlyAStallOfTheMachineExcusesAWait(t *testing.T) {
	t.Parallel()
	var m machine
	at := time.Now()
	after := func(s float64) time.Time { return at.Add(time.Duration(s * float64(time.Second))) }
	m.note(span{after(1), after(1.4)}) // no stall
	m.note(span{after(5), after(7)})
	if faults := m.judge([]span{{after(4), after(6)}, {after(6.5), after(8.5)}}); len(faults) > 0 {
		t.Errorf("they waited for the machine: %q", faults)
	}
	for _, call := range []span{{after(0), after(2)}, {after(2), after(4)}, {after(8), after(10)}} {
		if faults := m.judge([]span{call}); len(faults) != 1 {
			t.Errorf("from %s to %s all was well: %q", call.from, call.to, faults)
		}
	}
}
