package locks

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

const (
	deadline  = 2 * time.Second // referral.deadline, by default
	spoolTime = 2 * time.Second // how long a call waits for the spool at most, on top of it
	slack     = time.Second     // of a machine with other work

	// patience is how long a command waits for the write lock before it says so.
	patience = 30 * time.Second
)

// TestNobodyHearsOfAWriteLockHeldElsewhere holds the write lock as another program would, while calls
// come in and commands are typed.
func TestNobodyHearsOfAWriteLockHeldElsewhere(t *testing.T) {
	const quiet = 500
	hold := time.Duration(harness.Scale(7, 33)) * time.Second
	s := harness.NewSite(t, t.TempDir())
	s.Populate(3 + quiet + harness.Scale(2000, 6000))
	srv := s.Serve()
	ledger := harness.NewLedger()
	referrer, operator, stuck, people := s.People[0], s.People[1], s.People[2], s.People[3:]
	before := call(t, srv.Address, conns, people[:quiet], referrer.Code, ledger)

	ready := watchReadiness(t, srv.Address)
	release := takeWriteLock(t, s)
	taken := time.Now()
	var wg sync.WaitGroup
	during := &load{outcomes: make(map[string]int)}
	wg.Go(func() { during.run(t, srv.Address, 4*conns, people[quiet:], referrer.Code, ledger) })
	if hold > patience {
		wg.Go(func() { givesUp(t, s, stuck) })
	}
	for _, c := range reading(operator, filepath.Join(t.TempDir(), "backup.db")) {
		c.run(t, s)
	}
	readers := time.Since(taken)
	if readers > hold {
		t.Errorf("commands that only read took %s beside the lock", readers)
	}
	waitUntil(t, taken.Add(hold-5*time.Second))
	for _, c := range writing(operator, 0)[:3] { // the others undo what these do
		wg.Go(func() { c.run(t, s) })
	}
	waitUntil(t, taken.Add(hold))
	spooled := during.count("internal_error")
	release()
	wg.Wait()
	awaitDrained(t, s)
	unready := ready.end(t, taken, hold)

	srv.Stop()
	silent(t, "the server's log", srv.Log())
	if slowest := during.percentile(100); slowest > deadline+spoolTime+slack {
		t.Errorf("a call took %s", slowest)
	}
	v := s.Check(ledger, true)
	if v.Bad() || v.Rows != len(people) || spooled == 0 {
		t.Errorf("%d people, %d attempts spooled while the lock was held: %+v", len(people), spooled, v)
	}
	harness.Figures(t, "locks/write-lock", "held", hold, "requests", len(people), "acknowledged", v.Acknowledged,
		"spooled", during.count("internal_error"), "attributed_later", v.Waited, "lost", len(v.Lost), "doubled", len(v.Doubled),
		"p99_before", milliseconds(before.percentile(99)), "slowest_call", milliseconds(during.percentile(100)),
		"not_ready_after", unready.Round(time.Millisecond), "reading_commands", readers.Round(time.Millisecond))
}

func (l *load) count(outcome string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.outcomes[outcome]
}

// takeWriteLock takes SQLite's write lock on a connection of its own and holds it until release.
func takeWriteLock(t *testing.T, s *harness.Site) (release func()) {
	t.Helper()
	db := s.Open()
	conn := begin(t, db, "BEGIN IMMEDIATE")
	return func() {
		if _, err := conn.ExecContext(context.Background(), "ROLLBACK"); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

func begin(t *testing.T, db *sql.DB, statement string) *sql.Conn {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	return conn
}

// givesUp sees that a command which has waited for patience says what to do, in words of its own.
func givesUp(t *testing.T, s *harness.Site, p harness.Person) {
	began := time.Now()
	c := command{args: []string{"code", "set", p.ID, "too-late"}}
	said, err := c.try(s)
	if harness.ExitCode(err) != 1 || !strings.Contains(said, "try again") || time.Since(began) < patience {
		t.Errorf("%s after %s: %v: %s", c, time.Since(began), err, said)
	}
	silent(t, c.String(), said)
}

// waitUntil waits for a moment: the attack lasts that long.
func waitUntil(t *testing.T, moment time.Time) {
	t.Helper()
	select {
	case <-time.After(time.Until(moment)):
	case <-t.Context().Done():
	}
}

// awaitDrained waits until nothing is left of the spool but its lock files.
func awaitDrained(t *testing.T, s *harness.Site) {
	t.Helper()
	harness.Until(t, "the spool is drained", func() bool {
		files, err := filepath.Glob(s.Database + ".spool*")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if info, err := os.Stat(f); err == nil && !strings.HasSuffix(f, ".lock") && info.Size() > 0 {
				return false
			}
		}
		return true
	})
}

// readiness remembers what readyz said, and when.
type readiness struct {
	stop, done chan struct{}
	answers    []ready
}

type ready struct {
	at      time.Time
	ok      bool
	message string
}

// watchReadiness asks for readiness ten times a second.
func watchReadiness(t *testing.T, address string) *readiness {
	t.Helper()
	r := &readiness{stop: make(chan struct{}), done: make(chan struct{})}
	client := harness.NewClient(1)
	go func() {
		defer close(r.done)
		defer client.Close()
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			ok, message, err := client.Ready(t.Context(), address)
			if err != nil {
				t.Errorf("readyz did not answer: %v", err)
				return
			}
			r.answers = append(r.answers, ready{time.Now(), ok, message})
			select {
			case <-r.stop:
				return
			case <-tick.C:
			}
		}
	}()
	return r
}

// end stops watching once the server is ready again. It returns after how much of the hold readiness
// told, and fails the test when it did not, or did not say what is wrong.
func (r *readiness) end(t *testing.T, taken time.Time, hold time.Duration) time.Duration {
	t.Helper()
	close(r.stop)
	<-r.done
	var first time.Duration
	for _, a := range r.answers {
		silent(t, "readyz", a.message)
		if !a.ok && first == 0 {
			first = a.at.Sub(taken)
			if !strings.Contains(a.message, "writable") && !strings.Contains(a.message, "spool") {
				t.Errorf("readyz says only %q", a.message)
			}
		}
	}
	if first <= 0 || first > hold {
		t.Errorf("readyz told nothing while the lock was held (first after %s)", first)
	}
	if last := r.answers[len(r.answers)-1]; !last.ok {
		t.Errorf("readyz still says %q", last.message)
	}
	return first
}
