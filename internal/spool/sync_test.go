package spool_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/triport/triport-console/internal/spool"
)

var errDisk = errors.New("the disk failed")

// recordSyncs returns the list of what is synced: for each fsync, the name and the files that exist at that time.
func recordSyncs(t *testing.T, s *spool.Spool, database string) *[]string {
	t.Helper()
	var synced []string
	spool.Observe(s, func(name string) error {
		if name == filepath.Dir(database) {
			name = database + "directory"
		}
		synced = append(synced, strings.TrimPrefix(name, database)+" with "+strings.Join(files(t, database), " "))
		return nil
	})
	return &synced
}

func TestAppendSyncsTheFileAndItsNewName(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	synced := recordSyncs(t, s, database)
	mustAppend(t, s, "a1")
	mustAppend(t, s, "a2")
	diff(t, "fsyncs", []string{
		"directory with .spool .spool.lock",
		".spool with .spool .spool.lock",
		".spool with .spool .spool.lock",
	}, *synced)
}

func TestFailedFsyncOfAnAppendIsAnErrorAndLeavesNoLine(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	mustAppend(t, s, "a1")
	fail := errDisk
	spool.Observe(s, func(string) error { return fail })
	if err := s.Append(t.Context(), attempt("a2")); !errors.Is(err, errDisk) {
		t.Errorf("Append = %v, want %v", err, errDisk)
	}
	diff(t, "the spool", lineOf("a1"), readFile(t, database+".spool"))
	fail = nil
	mustAppend(t, s, "a3")
	diff(t, "the spool", lineOf("a1")+"\n"+lineOf("a3"), readFile(t, database+".spool"))
}

func TestDrainSyncsDeadLettersBeforeItRemovesTheirSegment(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	writeFile(t, database+".spool", "garbage\n")
	synced := recordSyncs(t, s, database)
	diff(t, "new dead letters", []int{1}, drainBad(t, s, nil))
	diff(t, "fsyncs", []string{
		"directory with .spool.1 .spool.drain.lock .spool.lock",            // renamed
		"directory with .spool.1 .spool.bad .spool.drain.lock .spool.lock", // the dead-letter file is new
		".spool.bad with .spool.1 .spool.bad .spool.drain.lock .spool.lock",
		"directory with .spool.bad .spool.drain.lock .spool.lock", // the segment is removed
		".spool.bad with .spool.bad .spool.drain.lock .spool.lock",
	}, *synced)
}

func TestDrainWritesDeadLettersAgainAfterAFailedFsync(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	writeFile(t, s.DeadLetterFile(), "older\n")
	writeFile(t, database+".spool", "garbage\n"+lineOf("a1"))
	fail := errDisk
	spool.Observe(s, func(name string) error {
		if name == s.DeadLetterFile() {
			return fail
		}
		return nil
	})
	for range 2 {
		diff(t, "new dead letters", []int{1}, drainBad(t, s, errDisk))
		wantWaiting(t, s, true)
		// The system may show lines that the disk does not have. They must not count as written.
		diff(t, "dead letters", "older\n", readFile(t, s.DeadLetterFile()))
	}
	fail = nil
	diff(t, "new dead letters", []int{1}, drainBad(t, s, nil))
	wantWaiting(t, s, false)
	diff(t, "dead letters", "older\ngarbage\n", readFile(t, s.DeadLetterFile()))
}

func TestDrainThatFailedSyncsItsDeadLetters(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	writeFile(t, database+".spool", "garbage\n")
	synced := recordSyncs(t, s, database)
	drainBad(t, s, errors.New("the store failed"))
	if last := (*synced)[len(*synced)-1]; !strings.HasPrefix(last, ".spool.bad ") {
		t.Errorf("the last fsync is of %s, want the dead-letter file", last)
	}
}

func TestDrainIsAnErrorIfTheRemovalOfASegmentIsNotDurable(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	writeFile(t, database+".spool.1", lineOf("a1"))
	spool.Observe(s, func(string) error { return errDisk })
	if _, err := drainIDs(t.Context(), s); !errors.Is(err, errDisk) {
		t.Errorf("Drain = %v, want %v", err, errDisk)
	}
	if _, err := os.Stat(database + ".spool.1"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the segment: %v, want it removed", err)
	}
}
