package locks

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

// turn is how long a call waits beside a bulk writer: for one batch, which holds the lock for 250 ms at
// most, and its own commit.
const turn = 300 * time.Millisecond

// TestCallsGetTheirTurnBesideABulkImport imports accounts by the ten thousand, one batch after the
// other, beside calls that come one at a time: each finds the lock either held or just to be taken.
func TestCallsGetTheirTurnBesideABulkImport(t *testing.T) {
	s := harness.NewSite(t, t.TempDir())
	count := harness.Scale(40000, 100000)
	s.Populate(1 + count/10)
	srv := s.Serve()
	ledger := harness.NewLedger()
	var users strings.Builder
	for i := range count {
		fmt.Fprintf(&users, "{\"email\":\"import-%d@example.com\"}\n", i)
	}
	imported := make(chan struct{})
	began := time.Now()
	go func() {
		defer close(imported)
		command{in: users.String(), args: []string{"user", "import", "-"}}.run(t, s)
	}()
	referrer, waiting := s.People[0], s.People[1:]
	l := &load{outcomes: make(map[string]int)}
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
	took := time.Since(began)
	awaitDrained(t, s)
	srv.Stop()
	silent(t, "the server's log", srv.Log())
	if spooled := l.count("internal_error"); spooled > 0 {
		t.Errorf("%d of %d calls did not get their turn within the deadline", spooled, len(l.took))
	}
	if p99 := l.percentile(99); p99 > turn {
		t.Errorf("p99 beside the import is %s, more than the %s of one batch", p99, turn)
	}
	v := s.Check(ledger, true)
	if v.Bad() {
		t.Errorf("%+v", v)
	}
	harness.Figures(t, "locks/import", "imported", count, "took", took.Round(time.Millisecond), "requests", len(l.took),
		"acknowledged", v.Acknowledged, "spooled", l.count("internal_error"), "lost", len(v.Lost), "doubled", len(v.Doubled),
		"p50", milliseconds(l.percentile(50)), "p99", milliseconds(l.percentile(99)), "slowest", milliseconds(l.percentile(100)))
}
