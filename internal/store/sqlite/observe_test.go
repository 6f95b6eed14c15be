package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

// commits remembers what a store told. Nobody else may look while the store is open.
type commits []sqlite.Commit

func (c *commits) open(t *testing.T) (*sqlite.Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "triport.db")
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{Mode: sqlite.Create, Observe: func(one sqlite.Commit) { *c = append(*c, one) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // each test closes it; this is for one that fails before
	return s, path
}

func TestEveryTransactionOfAttemptsIsTold(t *testing.T) {
	t.Parallel()
	var told commits
	s, _ := told.open(t)
	ann := newPerson(t, s, "ann")
	var people []person
	for _, name := range []string{"bob", "carl", "dora", "eve"} {
		people = append(people, newPerson(t, s, name))
	}
	if len(told) != 0 {
		t.Errorf("making accounts was told: %+v", told)
	}
	var all sync.WaitGroup
	for _, p := range people {
		all.Go(func() { attribute(t, s, p.attempt(ann.code)) })
	}
	all.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var attempts int
	for _, c := range told {
		attempts += c.Attempts
		if c.Took <= 0 || c.Err != nil {
			t.Errorf("told of %+v", c)
		}
	}
	if attempts != len(people) {
		t.Errorf("told of %d attempts in %d transactions, want %d", attempts, len(told), len(people))
	}
}

func TestATransactionThatIsNotDurableIsToldAsAnError(t *testing.T) {
	t.Parallel()
	var told commits
	s, path := told.open(t)
	ann, bob := newPerson(t, s, "ann"), newPerson(t, s, "bob")
	if err := os.Rename(path, path+".gone"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Attribute(t.Context(), bob.attempt(ann.code), referral.Rules{}); err == nil {
		t.Fatal("an attempt was taken by a file that is gone")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if len(told) != 1 || told[0].Attempts != 1 || !errors.Is(told[0].Err, sqlite.ErrReplaced) {
		t.Errorf("told of %+v", told)
	}
}

func TestSizeIsThatOfTheDatabaseAndItsLog(t *testing.T) {
	t.Parallel()
	s, path := openStore(t)
	newPerson(t, s, "ann")
	database, wal, err := s.Size()
	if err != nil {
		t.Fatal(err)
	}
	if database != sizeOf(t, path) || wal != sizeOf(t, path+"-wal") || wal == 0 {
		t.Errorf("%d and %d bytes, want %d and %d", database, wal, sizeOf(t, path), sizeOf(t, path+"-wal"))
	}
	if n := s.Queued(); n != 0 {
		t.Errorf("%d attempts are queued in a store nobody uses", n)
	}
	if err := s.Close(); err != nil { // the last one to close removes the log
		t.Fatal(err)
	}
	if _, wal, err := s.Size(); wal != 0 || err != nil {
		t.Errorf("a log of %d bytes after the end, %v", wal, err)
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
