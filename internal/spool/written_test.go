package spool_test

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/spool"
)

// again is another attempt with the user and code of attempt(id).
func again(id string) referral.Attempt {
	a := attempt(id)
	a.ID += "-again"
	return a
}

func mustAppendAgain(t *testing.T, s *spool.Spool, id string) {
	t.Helper()
	if err := s.Append(t.Context(), again(id)); err != nil {
		t.Fatal(err)
	}
}

func TestSpoolHoldsOneLinePerUserAndCode(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	mustAppend(t, s, "a1")
	const callers = 50
	release := holdLock(t, database+".spool.lock")
	answers := make(chan error, 2*callers)
	for range callers {
		for _, id := range []string{"a1", "a2"} {
			go func() { answers <- s.Append(context.Background(), attempt(id)) }()
		}
	}
	spool.AwaitQueue(s, 2*callers) // one write gets all
	release()
	for range 2 * callers {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	diff(t, "the spool", lineOf("a1")+lineOf("a2"), readFile(t, database+".spool"))

	other := attempt("a1")
	other.User = bob
	if err := s.Append(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	diff(t, "the spool", lineOf("a1")+lineOf("a2")+string(referral.FormatLine(other))+"\n", readFile(t, database+".spool"))
}

// A drain may have read the first line before the second attempt was made.
func TestRepeatedAttemptIsAppendedOnceADrainHasBegun(t *testing.T) {
	t.Parallel()
	for name, drainer := range map[string]func(s *spool.Spool, database string) *spool.Spool{
		"this process":    func(s *spool.Spool, _ string) *spool.Spool { return s },
		"another process": func(_ *spool.Spool, database string) *spool.Spool { return spool.New(database) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, database := newSpool(t)
			mustAppend(t, s, "a1")
			err := drainer(s, database).Drain(t.Context(), func(io.Reader, referral.DeadLetter) error {
				mustAppendAgain(t, s, "a1")
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			want := string(referral.FormatLine(again("a1"))) + "\n"
			diff(t, "the spool", want, readFile(t, database+".spool"))
			if _, err := drainIDs(t.Context(), spool.New(database)); err != nil {
				t.Fatal(err)
			}
			mustAppendAgain(t, s, "a1") // the file may have the inode and the size of the drained one
			diff(t, "the spool", want, readFile(t, database+".spool"))
		})
	}
}

// Another process drained the file and wrote as many bytes, to a file with the same inode.
func TestRepeatedAttemptIsAppendedToAFileOfEqualSize(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	mustAppend(t, s, "a1")
	writeFile(t, database+".spool", lineOf("b1"))
	later := noon.Add(time.Hour)
	if err := os.Chtimes(database+".spool", later, later); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, s, "a1")
	diff(t, "the spool", lineOf("b1")+lineOf("a1"), readFile(t, database+".spool"))
}

func TestAttemptThatWasNotWrittenIsAppendedLater(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	fail := errDisk
	spool.Observe(s, func(string) error { return fail })
	if err := s.Append(t.Context(), attempt("a1")); !errors.Is(err, errDisk) {
		t.Fatalf("Append = %v", err)
	}
	fail = nil
	mustAppend(t, s, "a1")
	diff(t, "the spool", lineOf("a1"), readFile(t, database+".spool"))
}

// Thousands of lines that need a damaged page must not take seconds of every drain.
func TestCarriedAttemptsAreTriedLessAndLessOften(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	carried := lineOf("a1")
	writeFile(t, database+".spool.2", carried)
	var tries []int
	drain := func(number int, result error) {
		t.Helper()
		mustAppend(t, s, "new")
		read := 0
		err := s.Drain(t.Context(), func(segment io.Reader, _ referral.DeadLetter) error {
			got, err := ids(segment)
			if read++; len(got) == 1 && got[0] == "a1" {
				tries = append(tries, number)
				return result
			}
			return err
		})
		if err != nil || read == 0 {
			t.Fatalf("drain %d read %d segments: %v", number, read, err)
		}
	}
	for number := range 250 {
		drain(number, &referral.Undecided{Lines: []byte(carried)})
	}
	diff(t, "tries", []int{0, 2, 5, 10, 19, 36, 69, 130, 191}, tries)

	tries = nil
	for number := range 250 {
		drain(number, nil)
	}
	diff(t, "tries after the repair", []int{2}, tries)
	writeFile(t, database+".spool.2", carried)
	drain(250, nil)
	diff(t, "tries of a later damage", []int{2, 250}, tries)
}
