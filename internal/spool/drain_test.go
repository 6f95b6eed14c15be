package spool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/spool"
)

func TestDrainRemovesReplayedSegments(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	mustAppend(t, s, "a1", "a2")
	got, err := drainIDs(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "attempts", []string{"a1", "a2"}, got)
	wantWaiting(t, s, false)
	diff(t, "files", []string{".spool.drain.lock", ".spool.lock"}, files(t, database))
}

func TestSegmentsAreDrainedInNumericOrder(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	mustAppend(t, s, "newest")
	for _, n := range []string{"10", "9", "2", "11"} {
		writeFile(t, database+".spool."+n, lineOf("segment-"+n))
	}
	for _, name := range []string{".spool.02", ".spool.+1", ".spool.1.old", ".spool."} {
		writeFile(t, database+name, "no segment")
	}
	got, err := drainIDs(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	// Segments after the first have attempts that failed before.
	diff(t, "attempts", []string{"newest", "segment-2", "segment-9", "segment-10", "segment-11"}, got)
	want := []string{".spool.", ".spool.+1", ".spool.02", ".spool.1.old", ".spool.drain.lock", ".spool.lock"}
	diff(t, "files", want, files(t, database))
}

func TestFailedReplayKeepsOneSegment(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	failed := errors.New("the store failed")
	mustAppend(t, s, "a1", "a2")
	for _, id := range []string{"a3", "a4", "a5"} {
		err := s.Drain(t.Context(), func(segment io.Reader, _ referral.DeadLetter) error {
			_, err := io.CopyN(io.Discard, segment, 3)
			return errors.Join(failed, err)
		})
		if !errors.Is(err, failed) {
			t.Errorf("Drain = %v, want %v", err, failed)
		}
		mustAppend(t, s, id)
		wantWaiting(t, s, true)
	}
	// One segment is left after any number of failures.
	diff(t, "files", []string{".spool", ".spool.1", ".spool.drain.lock", ".spool.lock"}, files(t, database))
	got, err := drainIDs(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "attempts", []string{"a1", "a2", "a3", "a4", "a5"}, got)
}

func TestFailedSegmentBlocksLaterSegments(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	writeFile(t, database+".spool.1", lineOf("a1"))
	writeFile(t, database+".spool.2", lineOf("a2"))
	err := s.Drain(t.Context(), func(segment io.Reader, _ referral.DeadLetter) error {
		got, _ := ids(segment)
		return fmt.Errorf("rejected %q", got)
	})
	if err == nil || !strings.Contains(err.Error(), `rejected ["a1"]`) {
		t.Errorf("Drain = %v", err)
	}
}

func TestAttemptsAppendedDuringADrainWaitForTheNext(t *testing.T) {
	t.Parallel()
	s, _ := newSpool(t)
	mustAppend(t, s, "before")
	err := s.Drain(t.Context(), func(segment io.Reader, _ referral.DeadLetter) error {
		mustAppend(t, s, "during")
		got, err := ids(segment)
		diff(t, "attempts of the first drain", []string{"before"}, got)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := drainIDs(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "attempts of the second drain", []string{"during"}, got)
}

func TestDrainWaitsForAnotherDrain(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	mustAppend(t, s, "a1")
	second := make(chan error)
	order := make(chan string, 2) // the race detector does not know that a file lock orders two goroutines
	err := s.Drain(t.Context(), func(io.Reader, referral.DeadLetter) error {
		go func() {
			second <- spool.New(database).Drain(context.Background(), func(io.Reader, referral.DeadLetter) error {
				order <- "second"
				return nil
			})
		}()
		mustAppend(t, s, "a2")
		order <- "first"
		return nil
	})
	if err := errors.Join(err, <-second); err != nil {
		t.Fatal(err)
	}
	diff(t, "drains", []string{"first", "second"}, []string{<-order, <-order})
}

func TestDrainEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	mustAppend(t, s, "a1")
	release := holdLock(t, database+".spool.drain.lock")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := drainIDs(ctx, s); !errors.Is(err, context.Canceled) {
		t.Errorf("Drain = %v, want the context's error", err)
	}
	release()
	err := s.Drain(t.Context(), func(io.Reader, referral.DeadLetter) error { return ctx.Err() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Drain = %v, want the context's error", err)
	}
	wantWaiting(t, s, true)
}

// drainBad drains the spool, passes its bad lines to deadLetter, and returns the numbers of the new ones. The replay
// returns end.
func drainBad(t *testing.T, s *spool.Spool, end error) (fresh []int) {
	t.Helper()
	err := s.Drain(t.Context(), func(segment io.Reader, deadLetter referral.DeadLetter) error {
		for line, err := range referral.ReadLines(segment, referral.SourceSpool) {
			if err != nil {
				return err
			}
			if line.Err == nil {
				continue
			}
			raw := io.Reader(strings.NewReader(string(line.Text)))
			if line.Rest != nil {
				raw = io.MultiReader(raw, line.Rest)
			}
			added, err := deadLetter(raw)
			if err != nil {
				return err
			}
			if added {
				fresh = append(fresh, line.Number)
			}
		}
		return end
	})
	if !errors.Is(err, end) {
		t.Errorf("Drain = %v, want %v", err, end)
	}
	return fresh
}

func TestDeadLetterIsWrittenOnce(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	writeFile(t, database+".spool", lineOf("a1")+"garbage\n"+lineOf("a2")+"{torn\n")
	diff(t, "new dead letters", []int{2, 4}, drainBad(t, s, errors.New("the store failed")))
	diff(t, "new dead letters of the second drain", []int(nil), drainBad(t, s, nil))
	wantWaiting(t, s, false)
	diff(t, "dead letters", "garbage\n{torn\n", readFile(t, s.DeadLetterFile()))

	writeFile(t, database+".spool", "more\ngarbage\n")
	diff(t, "new dead letters of a later spool", []int{1}, drainBad(t, s, nil))
	diff(t, "dead letters", "garbage\n{torn\nmore\n", readFile(t, s.DeadLetterFile()))
}

func TestLongDeadLetterIsComplete(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	long := strings.Repeat("0123456789", 100_000)
	writeFile(t, database+".spool", lineOf("a1")+long+"\n"+lineOf("a2")+long+"!")
	diff(t, "new dead letters", []int{2, 4}, drainBad(t, s, errors.New("the store failed")))
	diff(t, "new dead letters of the second drain", []int(nil), drainBad(t, s, nil))
	if got := readFile(t, s.DeadLetterFile()); got != long+"\n"+long+"!\n" {
		t.Errorf("the dead-letter file has %d bytes, want the two lines of %d and %d", len(got), len(long), len(long)+1)
	}
}

func TestTornDeadLetterFileIsEndedFirst(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	writeFile(t, s.DeadLetterFile(), "rubb")
	writeFile(t, database+".spool", "garbage\n")
	diff(t, "new dead letters", []int{1}, drainBad(t, s, nil))
	diff(t, "dead letters", "rubb\ngarbage\n", readFile(t, s.DeadLetterFile()))
}

func TestUnreadableDeadLetterKeepsTheSegment(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	writeFile(t, database+".spool", "garbage\n")
	unreadable := errors.New("the line cannot be read")
	err := s.Drain(t.Context(), func(_ io.Reader, deadLetter referral.DeadLetter) error {
		if _, err := deadLetter(strings.NewReader("first")); err != nil {
			return err
		}
		_, err := deadLetter(io.MultiReader(strings.NewReader("half a li"), failingReader{unreadable}))
		return err
	})
	if !errors.Is(err, unreadable) {
		t.Errorf("Drain = %v, want %v", err, unreadable)
	}
	wantWaiting(t, s, true)
	diff(t, "dead letters", "first\n", readFile(t, s.DeadLetterFile()))
	diff(t, "new dead letters", []int{1}, drainBad(t, s, nil))
	diff(t, "dead letters", "first\ngarbage\n", readFile(t, s.DeadLetterFile()))
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

func TestConcurrentDrainsReplayEveryAttemptOnce(t *testing.T) {
	t.Parallel()
	const attempts, drainers = 400, 4
	s, database := newSpool(t)
	found := make(chan []string)
	stop := make(chan struct{})
	for range drainers {
		go func() {
			own, all := spool.New(database), []string(nil)
			for {
				got, err := drainIDs(context.Background(), own)
				if err != nil {
					t.Error(err)
				}
				all = append(all, got...)
				select {
				case <-stop:
					found <- all
					return
				default:
				}
			}
		}()
	}
	var want, got []string
	for n := range attempts {
		id := fmt.Sprint(n)
		want = append(want, id)
		mustAppend(t, s, id)
	}
	close(stop)
	for range drainers {
		got = append(got, <-found...)
	}
	rest, err := drainIDs(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, rest...)
	slices.Sort(want)
	slices.Sort(got)
	diff(t, "attempts drained", want, got)
}

// Only a person makes a segment of this name.
func TestSegmentBeforeTheFirstOverwritesNone(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	writeFile(t, database+".spool.0", lineOf("a0"))
	writeFile(t, database+".spool.1", lineOf("a1"))
	mustAppend(t, s, "a2")
	found, err := drainIDs(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	diff(t, "drained", []string{"a0", "a1", "a2"}, found)
}
