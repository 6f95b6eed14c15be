package spool_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/spool"
)

const (
	ann = "00000000-0000-4000-8000-00000000000a"
	bob = "00000000-0000-4000-8000-00000000000b"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// attempt returns an attempt of ann with that id.
func attempt(id string) referral.Attempt {
	return referral.Attempt{ID: id, User: ann, Code: referral.ParsePresentedCode("code-of-" + id), At: noon, RequestID: "req_1", Source: referral.SourceSpool}
}

// lineOf returns the line of the attempt with that id in the spool.
func lineOf(id string) string { return string(referral.FormatLine(attempt(id))) + "\n" }

// newSpool returns a spool in an empty directory, and the name of its database.
func newSpool(t *testing.T) (*spool.Spool, string) {
	t.Helper()
	database := filepath.Join(t.TempDir(), "triport.db")
	return spool.New(database), database
}

func mustAppend(t *testing.T, s *spool.Spool, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := s.Append(t.Context(), attempt(id)); err != nil {
			t.Fatalf("Append %s: %v", id, err)
		}
	}
}

func writeFile(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// files returns the names of the files next to the database, without its name as prefix.
func files(t *testing.T, database string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(database))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimPrefix(e.Name(), filepath.Base(database)))
	}
	return names
}

// ids reads lines and returns the ids of their attempts. A bad line is an error.
func ids(r io.Reader) (found []string, err error) {
	for line, err := range referral.ReadLines(r, referral.SourceSpool) {
		if err != nil {
			return nil, err
		}
		if line.Err != nil {
			return nil, fmt.Errorf("line %d: %w", line.Number, line.Err)
		}
		found = append(found, line.Value.ID)
	}
	return found, nil
}

// drainIDs drains the spool and returns the ids of all drained attempts, in order.
func drainIDs(ctx context.Context, s *spool.Spool) (found []string, err error) {
	err = s.Drain(ctx, func(segment io.Reader, _ referral.DeadLetter) error {
		got, err := ids(segment)
		found = append(found, got...)
		return err
	})
	return found, err
}

func diff(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func wantWaiting(t *testing.T, s *spool.Spool, want bool) {
	t.Helper()
	got, err := s.Waiting()
	if err != nil {
		t.Fatalf("Waiting: %v", err)
	}
	if got != want {
		t.Errorf("Waiting() = %t, want %t", got, want)
	}
}

func TestNoFileIsCreatedBeforeTheFirstAttempt(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	useWithoutAttempts(t, s)
	if names := files(t, database); len(names) > 0 {
		t.Errorf("these files were created: %q", names)
	}
}

func TestSpoolInAMissingDirectoryIsEmpty(t *testing.T) {
	t.Parallel()
	useWithoutAttempts(t, spool.New(filepath.Join(t.TempDir(), "missing", "triport.db")))
}

func TestEmptyFileIsAnEmptySpool(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	writeFile(t, database+".spool", "")
	useWithoutAttempts(t, s)
	diff(t, "files", []string{".spool"}, files(t, database))
}

// useWithoutAttempts calls every method of an empty spool.
func useWithoutAttempts(t *testing.T, s *spool.Spool) {
	t.Helper()
	wantWaiting(t, s, false)
	n, err := s.Pending(t.Context(), func(referral.Attempt) bool { return true })
	if n != 0 || err != nil {
		t.Errorf("Pending = %d, %v", n, err)
	}
	snapshot, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatalf("Snapshot: %v", err)
	}
	if b, err := io.ReadAll(snapshot); len(b) > 0 || err != nil {
		t.Errorf("the snapshot contains %q, %v", b, err)
	}
	if err := snapshot.Close(); err != nil {
		t.Errorf("close the snapshot: %v", err)
	}
	err = s.Drain(t.Context(), func(io.Reader, referral.DeadLetter) error {
		t.Error("an empty spool was replayed")
		return nil
	})
	if err != nil {
		t.Errorf("Drain: %v", err)
	}
}

func TestFilesHaveMode0600(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	mustAppend(t, s, "a1")
	err := s.Drain(t.Context(), func(segment io.Reader, deadLetter referral.DeadLetter) error {
		for _, name := range files(t, database) {
			wantPrivate(t, database+name)
		}
		_, err := deadLetter(strings.NewReader("garbage"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, s, "a2")
	diff(t, "files", []string{".spool", ".spool.bad", ".spool.drain.lock", ".spool.lock"}, files(t, database))
	for _, name := range files(t, database) {
		wantPrivate(t, database+name)
	}
}

func wantPrivate(t *testing.T, name string) {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Error(err)
		return
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("%s has mode %o, want 600", filepath.Base(name), mode)
	}
}

func TestNamesOfOneDatabaseShareItsSpool(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(database, link); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, spool.New(link), "a1")
	got, err := drainIDs(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "attempts", []string{"a1"}, got)
}
