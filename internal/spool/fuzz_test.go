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

// FuzzSpoolFile drains a spool, a segment and a dead-letter file of arbitrary content. Every attempt must be drained
// once and in order, the appended one last. Every bad line must be in the dead-letter file once, after its old content.
func FuzzSpoolFile(f *testing.F) {
	line := lineOf("kept")
	f.Add([]byte(line), []byte(line[:20]), []byte{})
	f.Add([]byte("\x00\x00\x00"), []byte("garbage\n\n"+line), []byte("garbage\ntorn"))
	f.Add([]byte("\r\n \n"), []byte("{}\n{}\n"), []byte("\n"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, segment, waiting, bad []byte) {
		if len(segment)+len(waiting) > 32<<10 {
			return // longer lines are FuzzReadLines's
		}
		database := filepath.Join(dir, "triport.db")
		s := spool.New(database)
		for name, content := range map[string][]byte{database + ".spool.1": segment, database + ".spool": waiting, s.DeadLetterFile(): bad} {
			writeFile(t, name, string(content))
		}
		mustAppend(t, s, "appended")

		var wantGood, wantBad [][]byte
		for _, l := range slices.Concat(plainLines(segment), plainLines(waiting), plainLines([]byte(lineOf("appended")))) {
			for parsed := range referral.ReadLines(bytes.NewReader(l), referral.SourceSpool) {
				if parsed.Err != nil {
					wantBad = append(wantBad, l)
				} else {
					wantGood = append(wantGood, l)
				}
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
		err = s.Drain(t.Context(), func(segment io.Reader, deadLetter referral.DeadLetter) error {
			good, err := sortLines(t, segment, deadLetter)
			drained = append(drained, good...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, "drained", wantGood, drained)
		wantWaiting(t, s, false)
		letters, err := os.ReadFile(s.DeadLetterFile())
		if err != nil || !bytes.HasPrefix(letters, bad) {
			t.Errorf("the dead letters %q became %q, %v", bad, letters, err)
		}
		wantEachOnce(t, plainLines(letters), plainLines(bad), wantBad)
	})
}

// plainLines returns the non-empty lines of a file without surrounding white space.
func plainLines(file []byte) (lines [][]byte) {
	for _, l := range bytes.Split(file, []byte{'\n'}) {
		if l = bytes.TrimSpace(l); len(l) > 0 {
			lines = append(lines, l)
		}
	}
	return lines
}

// sortLines returns the lines of a segment that contain attempts, and passes the others to deadLetter.
func sortLines(t *testing.T, segment io.Reader, deadLetter referral.DeadLetter) (good [][]byte, err error) {
	t.Helper()
	for l, err := range referral.ReadLines(segment, referral.SourceSpool) {
		switch {
		case err != nil:
			return nil, err
		case l.Err == nil:
			good = append(good, bytes.Clone(l.Text))
		case deadLetter != nil:
			if _, err := deadLetter(bytes.NewReader(l.Text)); err != nil {
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

// wantEachOnce checks that the dead letters contain each bad line: as often as before or, if it is new, once.
func wantEachOnce(t *testing.T, letters, before, bad [][]byte) {
	t.Helper()
	count := func(lines [][]byte, line []byte) (n int) {
		for _, l := range lines {
			if bytes.Equal(l, line) {
				n++
			}
		}
		return n
	}
	for _, line := range bad {
		if got, want := count(letters, line), max(1, count(before, line)); got != want {
			t.Errorf("the bad line %q is there %d times, want %d", line, got, want)
		}
	}
}
