package locks

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

// maxImportWait is how long a call waits during a bulk import: for one batch, which holds the write lock
// for 250 ms at most, and its own commit.
const maxImportWait = 300 * time.Millisecond

// An import runs batch after batch. Calls come one at a time, so each finds the lock held or contended.
func TestCallsWaitForOneBatchOfImportAtMost(t *testing.T) {
	s := harness.NewSite(t, t.TempDir())
	count := harness.Scale(40000, 100000)
	s.AddUsers(1 + count/10)
	srv := s.StartServer()
	ledger := harness.NewLedger()
	var lines strings.Builder
	for i := range count {
		fmt.Fprintf(&lines, "{\"email\":\"import-%d@example.com\"}\n", i)
	}
	imported := make(chan struct{})
	started := time.Now()
	go func() {
		defer close(imported)
		command{in: lines.String(), args: []string{"user", "import", "-"}}.run(t, s)
	}()
	referrer, waiting := s.Users[0], s.Users[1:]
	l := newLoad()
	for importing := true; importing && len(waiting) > 0; {
		l.run(t, srv.Address, 1, waiting[:1], referrer.Code, ledger)
		waiting = waiting[1:]
		select {
		case <-imported:
			importing = false
		default:
		}
	}
	<-imported
	took := time.Since(started)
	r := stop(t, s, srv, ledger)
	if n := l.count("internal_error"); n > 0 {
		t.Errorf("%d of %d calls were not decided within the deadline", n, len(l.took))
	}
	if p99 := l.percentile(99); p99 > maxImportWait {
		t.Errorf("p99 during the import is %s, longer than %s", p99, maxImportWait)
	}
	harness.Figures(t, "locks/import", "imported", count, "took", took.Round(time.Millisecond), "requests", len(l.took),
		"acknowledged", r.Acknowledged, "spooled", l.count("internal_error"), "lost", len(r.Lost), "duplicates", len(r.Duplicates),
		"p50", milliseconds(l.percentile(50)), "p99", milliseconds(l.percentile(99)), "slowest", milliseconds(l.percentile(100)))
}
