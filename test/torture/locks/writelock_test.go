package locks

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

const (
	deadline  = 2 * time.Second // referral.deadline, by default
	spoolTime = 2 * time.Second // maximum wait for the spool after the deadline
	slack     = time.Second     // for a busy machine

	// commandWait is how long a command waits for the write lock.
	commandWait = 30 * time.Second
)

// Another process holds the write lock during calls and commands.
func TestWriteLockOfOtherProcessOnlyDelays(t *testing.T) {
	const quiet = 500
	hold := time.Duration(harness.Scale(7, 33)) * time.Second
	s := harness.NewSite(t, t.TempDir())
	s.AddUsers(3 + quiet + harness.Scale(2000, 6000))
	srv := s.StartServer()
	ledger := harness.NewLedger()
	referrer, operated, stuck, users := s.Users[0], s.Users[1], s.Users[2], s.Users[3:]
	before := call(t, srv.Address, conns, users[:quiet], referrer.Code, ledger)

	ready := watchReadiness(t, srv.Address)
	release := takeWriteLock(t, s)
	taken := time.Now()
	var wg sync.WaitGroup
	during := newLoad()
	wg.Go(func() { during.run(t, srv.Address, 4*conns, users[quiet:], referrer.Code, ledger) })
	if hold > commandWait {
		wg.Go(func() { wantCommandGivesUp(t, s, stuck) })
	}
	for _, c := range readCommands(operated, filepath.Join(t.TempDir(), "backup.db")) {
		c.run(t, s)
	}
	readers := time.Since(taken)
	if readers > hold {
		t.Errorf("commands that only read took %s while the lock was held", readers)
	}
	waitUntil(t, taken.Add(hold-5*time.Second))
	for _, c := range writeCommands(operated, 0)[:3] { // the others undo these
		wg.Go(func() { c.run(t, s) })
	}
	waitUntil(t, taken.Add(hold))
	spooled := during.count("internal_error")
	release()
	wg.Wait()
	s.WaitDrained()
	unready := ready.end(t, taken, hold)

	r := stop(t, s, srv, ledger)
	if slowest := during.percentile(100); slowest > deadline+spoolTime+slack {
		t.Errorf("a call took %s", slowest)
	}
	if r.Attributions != len(users) || spooled == 0 {
		t.Errorf("%d of %d users are attributed, %d attempts were spooled while the lock was held", r.Attributions, len(users), spooled)
	}
	harness.Figures(t, "locks/write-lock", "held", hold, "requests", len(users), "acknowledged", r.Acknowledged,
		"spooled", during.count("internal_error"), "from_spool", r.FromSpool, "lost", len(r.Lost), "duplicates", len(r.Duplicates),
		"p99_before", milliseconds(before.percentile(99)), "slowest_call", milliseconds(during.percentile(100)),
		"not_ready_after", unready.Round(time.Millisecond), "reading_commands", readers.Round(time.Millisecond))
}

// takeWriteLock holds SQLite's write lock until release.
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

// wantCommandGivesUp checks that a command that has waited for the lock says what to do.
func wantCommandGivesUp(t *testing.T, s *harness.Site, u harness.User) {
	started := time.Now()
	c := command{args: []string{"code", "set", u.ID, "too-late"}}
	out, err := c.try(s)
	if harness.ExitCode(err) != 1 || !strings.Contains(out, "try again") || time.Since(started) < commandWait {
		t.Errorf("%s after %s: %v: %s", c, time.Since(started), err, out)
	}
	wantNoLockWords(t, c.String(), out)
}

// waitUntil waits for a point in time.
func waitUntil(t *testing.T, moment time.Time) {
	t.Helper()
	select {
	case <-time.After(time.Until(moment)):
	case <-t.Context().Done():
	}
}

// readiness records the answers of /readyz.
type readiness struct {
	stop, done chan struct{}
	answers    []ready
}

type ready struct {
	at      time.Time
	ok      bool
	message string
}

// watchReadiness polls /readyz ten times a second.
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
				t.Errorf("no answer of /readyz: %v", err)
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

// end stops polling. It returns how long after the lock was taken /readyz reported it. The report must
// come while the lock is held and say what is wrong, and the last answer must be 200.
func (r *readiness) end(t *testing.T, taken time.Time, hold time.Duration) time.Duration {
	t.Helper()
	close(r.stop)
	<-r.done
	var first time.Duration
	for _, a := range r.answers {
		wantNoLockWords(t, "/readyz", a.message)
		if !a.ok && first == 0 {
			first = a.at.Sub(taken)
			if !strings.Contains(a.message, "writable") && !strings.Contains(a.message, "spool") {
				t.Errorf("/readyz reports only %q", a.message)
			}
		}
	}
	if first <= 0 || first > hold {
		t.Errorf("/readyz did not report the lock while it was held (first after %s)", first)
	}
	if last := r.answers[len(r.answers)-1]; !last.ok {
		t.Errorf("/readyz still reports %q", last.message)
	}
	return first
}
