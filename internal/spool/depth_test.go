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

func wantDepth(t *testing.T, s *spool.Spool, want spool.Depth) {
	t.Helper()
	got, err := s.Depth()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDepthOfAnEmptySpoolIsNothing(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	wantDepth(t, s, spool.Depth{})
	if left := files(t, database); len(left) > 0 {
		t.Errorf("looking made %q", left)
	}
}

// TestDepthTellsTheAttemptThatHasWaitedLongest must hold while attempts are appended: the time of a file
// moves on with each of them.
func TestDepthTellsTheAttemptThatHasWaitedLongest(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	mustAppend(t, s, "first")
	later := attempt("second")
	later.At = noon.Add(time.Hour)
	if err := s.Append(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	size := int64(len(readFile(t, database+".spool")))
	wantDepth(t, s, spool.Depth{Bytes: size, Oldest: noon})

	// A drain that does not finish leaves a segment, and it is the older one.
	err := s.Drain(t.Context(), func(io.Reader, referral.SetAside) error { return io.ErrUnexpectedEOF })
	if err == nil {
		t.Fatal("the drain succeeded")
	}
	if err := s.Append(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	more := int64(len(readFile(t, database+".spool")))
	wantDepth(t, s, spool.Depth{Bytes: size + more, Segments: 1, Oldest: noon})
}

func TestDepthPassesBrokenLinesBy(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	writeFile(t, database+".spool", "rubbish\n\n"+lineOf("a"))
	writeFile(t, database+".spool.bad", "seven..")
	wantDepth(t, s, spool.Depth{Bytes: int64(len("rubbish\n\n" + lineOf("a"))), Oldest: noon, BadBytes: 7})
}

func TestTheAgeOfRubbishIsThatOfItsFile(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	rubbish := strings.Repeat("rubbish\n", 20_000) + lineOf("a")
	writeFile(t, database+".spool", rubbish)
	if err := os.Chtimes(database+".spool", noon, noon.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	got, err := s.Depth()
	if err != nil {
		t.Fatal(err)
	}
	if !got.Oldest.Equal(noon.Add(time.Minute)) || got.Bytes != int64(len(rubbish)) {
		t.Errorf("%+v", got)
	}
}

func TestDepthOfWhatIsNoPlainFileIsAnError(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	writeFile(t, database+".elsewhere", lineOf("a"))
	if err := os.Symlink(database+".elsewhere", database+".spool"); err != nil {
		t.Fatal(err)
	}
	if d, err := s.Depth(); err == nil {
		t.Errorf("it was followed: %+v", d)
	}
}
