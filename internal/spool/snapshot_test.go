package spool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/spool"
)

func takeSnapshot(t *testing.T, s *spool.Spool) io.ReadCloser {
	t.Helper()
	snapshot, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatalf("Snapshot: %v", err)
	}
	t.Cleanup(func() {
		if err := snapshot.Close(); err != nil {
			t.Errorf("close the snapshot: %v", err)
		}
	})
	return snapshot
}

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSnapshotChangesNoFile(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	writeFile(t, database+".spool.10", lineOf("a2"))
	writeFile(t, database+".spool.9", lineOf("a1")+"{torn")
	mustAppend(t, s, "a3")
	before := files(t, database)
	snapshot := takeSnapshot(t, s)
	diff(t, "snapshot", lineOf("a3")+lineOf("a1")+"{torn\n"+lineOf("a2"), readAll(t, snapshot))
	diff(t, "files", before, files(t, database))
	diff(t, "the spool", lineOf("a3"), readFile(t, database+".spool"))
}

func TestSnapshotIsNotChangedByLaterAppendsAndDrains(t *testing.T) {
	t.Parallel()
	s, _ := newSpool(t)
	mustAppend(t, s, "a1")
	appended := takeSnapshot(t, s)
	mustAppend(t, s, "a2")
	drained := takeSnapshot(t, s)
	if _, err := drainIDs(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	diff(t, "before an append", lineOf("a1"), readAll(t, appended))
	diff(t, "before a drain", lineOf("a1")+lineOf("a2"), readAll(t, drained))
}

func TestSnapshotNeedsNoLockFile(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	writeFile(t, database+".spool", lineOf("a1"))
	diff(t, "snapshot", lineOf("a1"), readAll(t, takeSnapshot(t, s)))
	diff(t, "files", []string{".spool"}, files(t, database))
}

func TestSnapshotEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	mustAppend(t, s, "a1")
	holdLock(t, database+".spool.lock")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Snapshot(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Snapshot = %v, want the context's error", err)
	}
	if _, err := s.Pending(ctx, func(referral.Attempt) bool { return true }); !errors.Is(err, context.Canceled) {
		t.Errorf("Pending = %v, want the context's error", err)
	}
}

func TestPendingCountsMatchingAttempts(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	writeFile(t, database+".spool.1", lineOf("a1")+"garbage\n"+
		`{"user":"`+bob+`","code":"summer-26","at":"2026-03-01T12:00:00Z"}`+"\n")
	mustAppend(t, s, "a2")
	for user, want := range map[string]int{ann: 2, bob: 1, "carl@example.com": 0} {
		n, err := s.Pending(t.Context(), func(a referral.Attempt) bool { return a.User == user })
		if err != nil {
			t.Fatal(err)
		}
		if n != want {
			t.Errorf("%d attempts of %s wait, want %d", n, user, want)
		}
	}
}

func TestSnapshotDuringDrainsIsConsistent(t *testing.T) {
	t.Parallel()
	const rounds = 50
	s, database := newSpool(t)
	stop := make(chan struct{})
	drained := make(chan error)
	go func() {
		var failed error
		for {
			select {
			case <-stop:
				drained <- failed
				return
			default:
				_, err := drainIDs(context.Background(), s)
				failed = errors.Join(failed, err)
			}
		}
	}()
	reader := spool.New(database)
	var appended []string
	for n := range rounds {
		appended = append(appended, fmt.Sprint(n))
		mustAppend(t, s, appended[n])
		got, err := ids(takeSnapshot(t, reader))
		if err != nil {
			t.Error(err)
		}
		// What waits is the end of what was appended: nothing is missing, nothing twice.
		if want := appended[len(appended)-min(len(got), len(appended)):]; !slices.Equal(got, want) {
			t.Errorf("the snapshot contains %q, want %q", got, want)
		}
		if _, err := reader.Waiting(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	if err := <-drained; err != nil {
		t.Error(err)
	}
}
