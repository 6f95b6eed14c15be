package spool_test

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/spool"
)

func wantStats(t *testing.T, s *spool.Spool, want spool.Stats) {
	t.Helper()
	got, err := s.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestStatsOfAnEmptySpoolAreZero(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	wantStats(t, s, spool.Stats{})
	if left := files(t, database); len(left) > 0 {
		t.Errorf("Stats created %q", left)
	}
}

// The time of a file changes with each append; Oldest must not.
func TestStatsHaveTheTimeOfTheOldestAttempt(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	mustAppend(t, s, "first")
	later := attempt("second")
	later.At = noon.Add(time.Hour)
	if err := s.Append(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	size := int64(len(readFile(t, database+".spool")))
	wantStats(t, s, spool.Stats{Bytes: size, Oldest: noon})

	// A failed drain leaves a segment, which is older than the new file.
	err := s.Drain(t.Context(), func(io.Reader, referral.DeadLetter) error { return io.ErrUnexpectedEOF })
	if err == nil {
		t.Fatal("the drain succeeded")
	}
	if err := s.Append(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	more := int64(len(readFile(t, database+".spool")))
	wantStats(t, s, spool.Stats{Bytes: size + more, Segments: 1, Oldest: noon})
}

func TestStatsSkipBadLines(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	writeFile(t, database+".spool", "garbage\n\n"+lineOf("a"))
	writeFile(t, database+".spool.bad", "seven..")
	wantStats(t, s, spool.Stats{Bytes: int64(len("garbage\n\n" + lineOf("a"))), Oldest: noon, DeadLetterBytes: 7})
}

func TestOldestOfBadLinesIsTheTimeOfTheFile(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	garbage := strings.Repeat("garbage\n", 20_000) + lineOf("a")
	writeFile(t, database+".spool", garbage)
	if err := os.Chtimes(database+".spool", noon, noon.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	got, err := s.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if !got.Oldest.Equal(noon.Add(time.Minute)) || got.Bytes != int64(len(garbage)) {
		t.Errorf("%+v", got)
	}
}

func TestStatsRejectLinks(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	writeFile(t, database+".elsewhere", lineOf("a"))
	if err := os.Symlink(database+".elsewhere", database+".spool"); err != nil {
		t.Fatal(err)
	}
	if d, err := s.Stats(); err == nil {
		t.Errorf("the link was followed: %+v", d)
	}
}
