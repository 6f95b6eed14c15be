package sqlite_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

// clock is a clock that only the test moves. Each look at it may take a step.
type clock struct {
	mu   sync.Mutex
	now  time.Time
	step time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(c.step)
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newStoreWithClock(t *testing.T) (*sqlite.Store, string, *clock) {
	t.Helper()
	c, path := &clock{now: noon}, filepath.Join(t.TempDir(), "triport.db")
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{Mode: sqlite.Create, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, path, c
}

func TestWorkingStoreIsReady(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	if found := s.NotReady(t.Context()); len(found) > 0 {
		t.Error(found)
	}
}

func TestReadinessFailsAfterFiveSecondsWithoutAWrite(t *testing.T) {
	t.Parallel()
	s, path, c := newStoreWithClock(t)
	release := holdWriteLock(t, path)
	notReady := func() []string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		return s.NotReady(ctx)
	}
	if found := notReady(); len(found) > 0 {
		t.Errorf("at once: %v", found)
	}
	c.advance(5*time.Second - 1)
	if found := notReady(); len(found) > 0 {
		t.Errorf("just before 5 s: %v", found)
	}
	c.advance(1)
	if found := notReady(); len(found) != 1 || !strings.Contains(found[0], "not been writable for 5s: another process holds the write lock") {
		t.Errorf("after 5 s: %v", found)
	}
	release()
	if found := s.NotReady(t.Context()); len(found) > 0 {
		t.Errorf("after a successful write: %v", found)
	}
}

func TestSlowCommitMakesStoreSuspect(t *testing.T) {
	t.Parallel()
	s, _, c := newStoreWithClock(t)
	ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
	c.step = time.Second // from here on a commit takes a second
	if o, err := s.Attribute(t.Context(), bob.attempt(ann.code), referral.Rules{}); err != nil || !o.Attributed {
		t.Errorf("a slow commit is a commit: %+v %v", o, err)
	}
	c.advance(5 * time.Second)
	if found := s.NotReady(t.Context()); len(found) != 1 || !strings.Contains(found[0], "a commit took longer than 1s") {
		t.Error(found)
	}
}

func TestReadinessReportsDamage(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"users", "codes", "attributions", "events"} {
		s, path := newStore(t)
		newUsers(t, s, 3)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = reopen(t, path, sqlite.ReadWrite)
		damage(t, path, table)
		if found := s.NotReady(t.Context()); len(found) != 1 || !strings.Contains(found[0], "run db check") {
			t.Errorf("%s: %v", table, found)
		}
	}
}
