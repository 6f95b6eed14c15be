package spool_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/spool"
)

// FuzzSpoolFile finds any bytes where the spool and a segment of it should be, and a file of broken
// lines from before. What is appended then must come out of a drain, after every line that was there
// and before which nothing is lost: each comes out once, the broken ones into the file for a person to
// read, which keeps all it held.
func FuzzSpoolFile(f *testing.F) {
	line := lineOf("kept")
	f.Add([]byte(line), []byte(line[:20]), []byte{})
	f.Add([]byte("\x00\x00\x00"), []byte("rubbish\n\n"+line), []byte("rubbish\ntorn"))
	f.Add([]byte("\r\n \n"), []byte("{}\n{}\n"), []byte("\n"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, segment, waiting, bad []byte) {
		if len(segment)+len(waiting) > 32<<10 {
			return // longer lines are FuzzReadLines's
		}
		database := filepath.Join(dir, "triport.db")
		s := spool.New(database)
		for name, content := range map[string][]byte{database + ".spool.1": segment, database + ".spool": waiting, s.BadFile(): bad} {
			writeFile(t, name, string(content))
		}
		mustAppend(t, s, "appended")

		var wantGood, wantBad [][]byte
		for _, l := range slices.Concat(plainLines(segment), plainLines(waiting), plainLines([]byte(lineOf("appended")))) {
			if _, err := referral.ParseLine(l, referral.SourceSpool); err != nil {
				wantBad = append(wantBad, l)
			} else {
				wantGood = append(wantGood, l)
			}
		}
		snapshot, err := s.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		seen, _ := sortLines(t, snapshot, nil)
		if err := snapshot.Close(); err != nil {
			t.Error(err)
		}
		wantSame(t, "in the snapshot", wantGood, seen)

		var drained [][]byte
		err = s.Drain(t.Context(), func(segment io.Reader, setAside referral.SetAside) error {
			good, err := sortLines(t, segment, setAside)
			drained = append(drained, good...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, "drained", wantGood, drained)
		wantWaiting(t, s, false)
		kept, err := os.ReadFile(s.BadFile())
		if err != nil || !bytes.HasPrefix(kept, bad) {
			t.Errorf("the broken lines %q became %q, %v", bad, kept, err)
		}
		wantEachOnce(t, bytes.Split(kept, []byte{'\n'}), bytes.Split(bad, []byte{'\n'}), wantBad)
	})
}

// plainLines are the lines of a file that hold anything.
func plainLines(file []byte) (lines [][]byte) {
	for _, l := range bytes.Split(file, []byte{'\n'}) {
		if l = bytes.TrimSpace(l); len(l) > 0 {
			lines = append(lines, l)
		}
	}
	return lines
}

// sortLines returns the lines of a segment that are attempts, and sets the others aside.
func sortLines(t *testing.T, segment io.Reader, setAside referral.SetAside) (good [][]byte, err error) {
	t.Helper()
	for l, err := range referral.ReadLines(segment, referral.SourceSpool) {
		switch {
		case err != nil:
			return nil, err
		case l.Err == nil:
			good = append(good, bytes.Clone(l.Raw))
		case setAside != nil:
			if _, err := setAside(bytes.NewReader(l.Raw)); err != nil {
				return nil, err
			}
		}
	}
	return good, nil
}

func wantSame(t *testing.T, what string, want, got [][]byte) {
	t.Helper()
	if !slices.EqualFunc(want, got, bytes.Equal) {
		t.Errorf("%s (-want +got):\n%s", what, cmp.Diff(want, got))
	}
}

// wantEachOnce demands every broken line in the file, and no line more often than it was there before
// or, if it is new, once.
func wantEachOnce(t *testing.T, kept, before, broken [][]byte) {
	t.Helper()
	count := func(lines [][]byte, line []byte) (n int) {
		for _, l := range lines {
			if bytes.Equal(l, line) {
				n++
			}
		}
		return n
	}
	for _, line := range broken {
		if got, want := count(kept, line), max(1, count(before, line)); got != want {
			t.Errorf("the broken line %q is there %d times, want %d", line, got, want)
		}
	}
}
