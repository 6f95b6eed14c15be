package locks

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

// conns is how many calls are on their way at once under full load.
const conns = 64

// load is a part of the calls, and how long they took.
type load struct {
	mu       sync.Mutex
	took     []time.Duration
	outcomes map[string]int
	answered atomic.Int64
}

// call has every person call once, on that many connections, each naming the code. Each call must be
// answered 200.
func call(t *testing.T, address string, conns int, people []harness.Person, code string, ledger *harness.Ledger) *load {
	t.Helper()
	l := &load{outcomes: make(map[string]int)}
	l.run(t, address, conns, people, code, ledger)
	return l
}

func (l *load) run(t *testing.T, address string, conns int, people []harness.Person, code string, ledger *harness.Ledger) {
	t.Helper()
	client := harness.NewClient(conns)
	defer client.Close()
	next := make(chan harness.Person)
	var wg sync.WaitGroup
	for range conns {
		wg.Go(func() {
			for p := range next {
				ledger.Sent(p, code)
				a, err := client.Attribute(t.Context(), address, p, code)
				if err != nil {
					t.Errorf("a call was not answered: %v", err)
					continue
				}
				ledger.Answered(p, code, a)
				l.note(t, a)
			}
		})
	}
	for _, p := range people {
		next <- p
	}
	close(next)
	wg.Wait()
}

func (l *load) note(t *testing.T, a harness.Answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered.Add(1)
	l.took = append(l.took, a.Took)
	switch {
	case a.Status != http.StatusOK:
		l.outcomes[a.Error]++
		t.Errorf("a call was answered %d %s", a.Status, a.Error)
	case a.Attributed:
		l.outcomes["attributed"]++
	default:
		l.outcomes[a.Reason]++
	}
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

// lockWords are those in which SQLite speaks of its locks.
var lockWords = regexp.MustCompile(`(?i)is locked|SQLITE_BUSY|SQLITE_LOCKED|SQLITE error 5\b`)

// silent fails the test when a text tells of SQLite's locks.
func silent(t *testing.T, who, text string) {
	t.Helper()
	if at := lockWords.FindStringIndex(text); at != nil {
		t.Errorf("%s speaks of a lock: …%s…", who, text[max(0, at[0]-200):min(len(text), at[1]+100)])
	}
}
