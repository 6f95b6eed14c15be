package backups

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

func TestBackupUnderLoadIsComplete(t *testing.T) {
	copies, perSecond := harness.Scale(4, 20), 1000
	f := newFixture(t, harness.Scale(6000, 30000))
	srv := f.StartServer()
	stop := f.load(srv, perSecond)
	dir := t.TempDir()
	var last string
	var lost int
	var slowest time.Duration
	for i := range copies {
		harness.WaitFor(t, "some acknowledgements", func() bool { return len(f.acknowledgedNow()) > (i+1)*200 })
		before := f.acknowledgedNow()
		last = filepath.Join(dir, fmt.Sprintf("%02d.db", i))
		slowest = max(slowest, f.backup(last))
		lost += f.countMissing(last, before)
	}
	stop()
	srv.Stop()
	r := f.Check(f.ledger, true)
	if r.Failed() {
		t.Error(r.Summary())
	}
	calls, acknowledged := f.ledger.Count("attributed")
	answered := 0
	for _, n := range f.ledger.Answers() {
		answered += n
	}
	harness.Figures(t, "backups/copies", "copies", copies, "requests", calls, "acknowledged", acknowledged,
		"other_answers", answered-acknowledged, "lost", lost, "duplicates", len(r.Duplicates), "slowest_copy", slowest.Round(time.Millisecond))
	f.restore(last)
}

func (f *fixture) backup(file string) time.Duration {
	f.t.Helper()
	started := time.Now()
	if _, err := f.Run(nil, "db", "backup", file); err != nil {
		f.t.Fatal(err)
	}
	return time.Since(started)
}

// countMissing counts the invitees that are not attributed in a copy.
func (f *fixture) countMissing(file string, invitees []string) (n int) {
	f.t.Helper()
	attributed := f.attributed(file)
	for _, invitee := range invitees {
		if !attributed[invitee] {
			n++
		}
	}
	if n > 0 {
		f.t.Errorf("%d of %d acknowledged before the copy began are missing in it", n, len(invitees))
	}
	return n
}

// restore replaces the database by a copy, as docs/operating.md describes. Then all users call again:
// those in the copy are already attributed, the others are attributed now.
func (f *fixture) restore(file string) {
	f.t.Helper()
	inCopy := len(f.attributed(file))
	f.wipe()
	if err := os.Rename(file, f.Database); err != nil {
		f.t.Fatal(err)
	}
	_, ledger := f.callAgain(f.Users[1:])
	if _, already := ledger.Count("already_attributed"); already != inCopy {
		f.t.Errorf("%d were in the copy: %v", inCopy, ledger.Answers())
	}
}
