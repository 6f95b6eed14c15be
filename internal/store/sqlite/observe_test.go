package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

// commits collects what a store reports. The test may read it once the store is closed.
type commits []engine.Commit

func (c *commits) open(t *testing.T) (*sqlite.Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "triport.db")
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{Mode: sqlite.Create, Observe: func(one engine.Commit) { *c = append(*c, one) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // each test closes it; this is for one that fails before
	return s, path
}

func TestEveryTransactionOfAttemptsIsObserved(t *testing.T) {
	t.Parallel()
	var observed commits
	s, _ := observed.open(t)
	ann := newUser(t, s, "ann")
	var users []user
	for _, name := range []string{"bob", "carl", "dora", "eve"} {
		users = append(users, newUser(t, s, name))
	}
	if len(observed) != 0 {
		t.Errorf("creating accounts was observed: %+v", observed)
	}
	var all sync.WaitGroup
	for _, p := range users {
		all.Go(func() { attribute(t, s, p.attempt(ann.code)) })
	}
	all.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var attempts int
	for _, c := range observed {
		attempts += c.Functions
		if c.Took <= 0 || c.Err != nil {
			t.Errorf("observed %+v", c)
		}
	}
	if attempts != len(users) {
		t.Errorf("observed %d attempts in %d transactions, want %d", attempts, len(observed), len(users))
	}
}

func TestTransactionIntoRemovedFileIsObservedAsError(t *testing.T) {
	t.Parallel()
	var observed commits
	s, path := observed.open(t)
	ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
	if err := os.Rename(path, path+".gone"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Attribute(t.Context(), bob.attempt(ann.code), referral.Rules{}); err == nil {
		t.Fatal("an attempt was taken by a file that is gone")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if len(observed) != 1 || observed[0].Functions != 1 || !errors.Is(observed[0].Err, sqlite.ErrReplaced) {
		t.Errorf("observed %+v", observed)
	}
}

func TestSizeIsThatOfDatabaseAndWAL(t *testing.T) {
	t.Parallel()
	s, path := newStore(t)
	newUser(t, s, "ann")
	database, wal, err := s.Size()
	if err != nil {
		t.Fatal(err)
	}
	if database != sizeOf(t, path) || wal != sizeOf(t, path+"-wal") || wal == 0 {
		t.Errorf("%d and %d bytes, want %d and %d", database, wal, sizeOf(t, path), sizeOf(t, path+"-wal"))
	}
	if n := s.Queued(); n != 0 {
		t.Errorf("%d attempts are queued in an idle store", n)
	}
	if err := s.Close(); err != nil { // the last connection to close removes the WAL
		t.Fatal(err)
	}
	if _, wal, err := s.Size(); wal != 0 || err != nil {
		t.Errorf("a WAL of %d bytes after the end, %v", wal, err)
	}
}

func sizeOf(t *testing.T, name string) int64 {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
