package locks

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

// conns is the number of concurrent calls under full load.
const conns = 64

// load is a number of calls, and how long they took.
type load struct {
	mu       sync.Mutex
	took     []time.Duration
	outcomes map[string]int
	answered atomic.Int64
}

func newLoad() *load { return &load{outcomes: make(map[string]int)} }

// call runs a load and returns it.
func call(t *testing.T, address string, conns int, users []harness.User, code string, ledger *harness.Ledger) *load {
	t.Helper()
	l := newLoad()
	l.run(t, address, conns, users, code, ledger)
	return l
}

// run lets every user call once with the code. Each call must be answered 200.
func (l *load) run(t *testing.T, address string, conns int, users []harness.User, code string, ledger *harness.Ledger) {
	t.Helper()
	client := harness.NewClient(conns)
	defer client.Close()
	next := make(chan harness.User)
	var wg sync.WaitGroup
	for range conns {
		wg.Go(func() {
			for u := range next {
				ledger.AddCall()
				a, err := client.Attribute(t.Context(), address, u, code)
				if err != nil {
					t.Errorf("no answer: %v", err)
					continue
				}
				ledger.AddAnswer(u, code, a)
				l.add(t, a)
			}
		})
	}
	for _, u := range users {
		next <- u
	}
	close(next)
	wg.Wait()
}

func (l *load) add(t *testing.T, a harness.Answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered.Add(1)
	l.took = append(l.took, a.Took)
	l.outcomes[a.Outcome()]++
	if a.Status != http.StatusOK {
		t.Errorf("status %d %s", a.Status, a.Error)
	}
}

func (l *load) count(outcome string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.outcomes[outcome]
}

// percentile returns the time that n of 100 calls did not exceed.
func (l *load) percentile(n int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(l.took))
	return sorted[(len(sorted)-1)*n/100]
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1fms", float64(d)/float64(time.Millisecond))
}

// lockWords are SQLite's words for locks.
var lockWords = regexp.MustCompile(`(?i)is locked|SQLITE_BUSY|SQLITE_LOCKED|SQLITE error 5\b`)

// wantNoLockWords checks that a text does not mention SQLite's locks.
func wantNoLockWords(t *testing.T, source, text string) {
	t.Helper()
	if at := lockWords.FindStringIndex(text); at != nil {
		t.Errorf("%s mentions a lock: …%s…", source, text[max(0, at[0]-200):min(len(text), at[1]+100)])
	}
}

// stop waits for the spool, stops the server and checks its log and the database.
func stop(t *testing.T, s *harness.Site, srv *harness.Server, ledger *harness.Ledger) harness.CheckResult {
	t.Helper()
	s.WaitDrained()
	srv.Stop()
	wantNoLockWords(t, "the server's log", srv.Log())
	if _, err := os.Stat(s.Database + ".spool.bad"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there are dead letters: %v", err)
	}
	r := s.Check(ledger, true)
	if r.Failed() {
		t.Error(r.Summary())
	}
	return r
}
