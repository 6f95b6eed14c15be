package backups

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

func TestABackupUnderLoadIsWhole(t *testing.T) {
	copies, perSecond := harness.Scale(4, 20), 1000
	h := newHouse(t, harness.Scale(6000, 30000))
	srv := h.Serve()
	stop := h.calls(srv, perSecond)
	dir := t.TempDir()
	var last string
	var lost int
	var longest time.Duration
	for i := range copies {
		harness.Until(t, "some answers", func() bool { return len(h.toldBy(time.Now())) > (i+1)*200 })
		before := h.toldBy(time.Now())
		last = filepath.Join(dir, fmt.Sprintf("%02d.db", i))
		took := h.backUp(last)
		longest = max(longest, took)
		lost += h.missing(last, before)
	}
	stop()
	srv.Stop()
	h.sound()
	sent, acknowledged := h.ledger.Count("attributed")
	harness.Figures(t, "backups/copies", "copies", copies, "requests", sent, "acknowledged", acknowledged,
		"answered_otherwise", h.answersBut("attributed"), "lost", lost, "longest_copy", longest.Round(time.Millisecond))
	h.servesInPlace(last)
}

func (h *house) backUp(file string) time.Duration {
	h.t.Helper()
	began := time.Now()
	if _, err := h.Run(nil, "db", "backup", file); err != nil {
		h.t.Fatal(err)
	}
	return time.Since(began)
}

// missing counts who is not linked in a copy.
func (h *house) missing(file string, invitees []string) (n int) {
	h.t.Helper()
	linked := h.linked(file)
	for _, invitee := range invitees {
		if !linked[invitee] {
			n++
		}
	}
	if n > 0 {
		h.t.Errorf("%d of %d who were told so before the copy began are not linked in it", n, len(invitees))
	}
	return n
}

// answersBut counts the answers but those of one outcome.
func (h *house) answersBut(outcome string) (n int) {
	for o, count := range h.ledger.Answers() {
		if o != outcome {
			n += count
		}
	}
	return n
}

// servesInPlace puts a copy into the place of the database, as docs/operating.md tells, and has
// everybody call again: who is in the copy is linked already, the others are now.
func (h *house) servesInPlace(file string) {
	h.t.Helper()
	inCopy := len(h.linked(file))
	h.wipe()
	if err := os.Rename(file, h.Database); err != nil {
		h.t.Fatal(err)
	}
	srv, again, code := h.Serve(), harness.NewLedger(), h.People[0].Code
	h.Load(h.t.Context(), srv.Address, callers, h.People[1:], func(int) string { return code }, again)
	srv.Stop()
	_, already := again.Count("already_attributed")
	if v := h.Check(again, true); v.Bad() || already != inCopy || v.Rows != len(h.People)-1 {
		h.t.Errorf("%d were in the copy, and %d are linked now: %v, %+v", inCopy, v.Rows, again.Answers(), v)
	}
}

// wipe empties the directory of the database.
func (h *house) wipe() {
	h.t.Helper()
	entries, err := os.ReadDir(h.Dir)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(h.Dir, e.Name())); err != nil {
			h.t.Fatal(err)
		}
	}
}
