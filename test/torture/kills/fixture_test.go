package kills

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

// referrers is the number of users whose codes the others use. They never call, so no cycle can arise.
const referrers = 10

// fixture is a site whose processes are killed.
type fixture struct {
	*harness.Site
	t      *testing.T
	rng    *rand.Rand
	ledger *harness.Ledger
	called int // users who have called
	rounds int
	giveUp time.Time // no further round starts after it
	kills  int
	hits   map[string]int // kills by what they interrupted
}

func newFixture(t *testing.T, users int, config ...string) *fixture {
	t.Helper()
	f := &fixture{
		Site: harness.NewSite(t, t.TempDir(), config...),
		t:    t, rng: newRand(t), ledger: harness.NewLedger(), hits: make(map[string]int),
	}
	f.AddUsers(referrers + users)
	return f
}

// nextRound reports whether another round follows. After the given number of rounds, more follow until a
// kill has interrupted what the test is about. If none does within the timeout, the test fails: it has
// proved nothing.
func (f *fixture) nextRound(rounds int, hit string) bool {
	f.t.Helper()
	f.rounds++
	switch {
	case f.rounds <= rounds:
		f.giveUp = time.Now().Add(harness.Timeout)
	case f.hits[hit] > 0:
		return false
	case time.Now().After(f.giveUp):
		f.t.Errorf("%s=0 of %d kills in %d rounds, seed %d: this run proves nothing", hit, f.kills, f.rounds-1, *seed)
		return false
	}
	return true
}

// newUsers returns the next n users who have not called.
func (f *fixture) newUsers(n int) []harness.User {
	f.t.Helper()
	from := referrers + f.called
	if missing := from + n - len(f.Users); missing > 0 {
		f.AddUsers(missing)
	}
	f.called += n
	return f.Users[from : from+n]
}

// twice returns every user twice, 16 calls apart, so the two calls of a user race.
func twice(users []harness.User) []harness.User {
	calls := make([]harness.User, 0, 2*len(users))
	for len(users) > 0 {
		n := min(16, len(users))
		calls = append(append(calls, users[:n]...), users[:n]...)
		users = users[n:]
	}
	return calls
}

// code returns the code of the i-th call. The two calls of one user have different codes.
func (f *fixture) code(i int) string { return f.Users[i/16%referrers].Code }

// load starts the calls of the users. over is closed once all have called or the server is gone.
func (f *fixture) load(srv *harness.Server, conns int, users []harness.User) (over <-chan struct{}) {
	ctx, cancel := context.WithCancel(f.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Load(ctx, srv.Address, conns, users, f.code, f.ledger)
	}()
	f.t.Cleanup(func() { cancel(); <-done })
	return done
}

// waitAnswers waits for n more answers of the outcome than before, or the end of the load. It polls
// often: a kill right after an answer finds out whether the answer came too early.
func (f *fixture) waitAnswers(outcome string, before, n int, over <-chan struct{}) {
	f.t.Helper()
	poll := time.NewTicker(100 * time.Microsecond)
	defer poll.Stop()
	timeout := time.After(harness.Timeout)
	for {
		if _, now := f.ledger.Count(outcome); now-before >= n {
			return
		}
		select {
		case <-over:
			return
		case <-poll.C:
		case <-timeout:
			f.t.Fatalf("no %d answers of %s within %s: %v", n, outcome, harness.Timeout, f.ledger.Answers())
		}
	}
}

// pause waits for a random part of d.
func (f *fixture) pause(d time.Duration) { <-time.After(time.Duration(f.rng.Int64N(int64(d)))) }

// kill kills the server and counts what that interrupted.
func (f *fixture) kill(srv *harness.Server) {
	srv.Kill()
	f.countKill()
}

func (f *fixture) countKill() {
	f.kills++
	if len(f.SpoolFiles()) > 0 {
		f.hits["left_spool"]++
	}
	for _, hit := range interrupted(f.Database) {
		f.hits[hit]++
	}
}

// killCommand starts a command and kills it once wait returns.
func (f *fixture) killCommand(wait func(), args ...string) {
	f.t.Helper()
	cmd := f.Command(args...)
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	wait()
	_ = cmd.Process.Kill()
	err := cmd.Wait()
	f.countKill()
	if err == nil {
		f.hits["too_late"]++
	}
}

// within returns a function that waits for a random part of d.
func (f *fixture) within(d time.Duration) func() { return func() { f.pause(d) } }

// openCopy opens a copy of what a kill left. A connection to the database itself would recover it, which
// is the next process's task.
func (f *fixture) openCopy() *sql.DB {
	f.t.Helper()
	site := *f.Site
	site.Database = filepath.Join(f.t.TempDir(), "copy.db")
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(f.Database + suffix)
		if err == nil {
			err = os.WriteFile(site.Database+suffix, b, 0o600)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			f.t.Fatal(err)
		}
	}
	return site.Open()
}

// countInCopy runs a count on openCopy.
func (f *fixture) countInCopy(query string) (n int) {
	f.t.Helper()
	db := f.openCopy()
	err := db.QueryRowContext(f.t.Context(), query).Scan(&n)
	if err := errors.Join(err, db.Close()); err != nil {
		f.t.Fatal(err)
	}
	return n
}

// restart starts the program, waits until the spool is drained, and checks everything. Then the users
// call whose calls may have had no answer, until all are attributed. On a busy machine some of these
// calls are spooled too.
func (f *fixture) restart(users []harness.User) *harness.Server {
	f.t.Helper()
	srv := f.StartServer()
	f.WaitDrained()
	f.check()
	harness.WaitFor(f.t, "every user who called is attributed", func() bool {
		f.Load(f.t.Context(), srv.Address, 16, users, f.code, f.ledger)
		f.WaitDrained()
		return f.check().Attributions == f.called || f.t.Failed()
	})
	if f.t.Failed() {
		log := srv.Log()
		f.t.Fatalf("after kill %d, seed %d; end of the server's log:\n%s", f.kills, *seed, log[max(0, len(log)-1000):])
	}
	return srv
}

// check compares the database with what was acknowledged.
func (f *fixture) check() harness.CheckResult {
	f.t.Helper()
	r := f.Check(f.ledger, true)
	if r.Failed() {
		f.t.Errorf("kill %d: %s", f.kills, r.Summary())
	}
	return r
}

// finish stops the server, checks everything again and prints the figures.
func (f *fixture) finish(name string, srv *harness.Server, more ...any) {
	f.t.Helper()
	srv.Stop()
	r := f.check()
	calls, _ := f.ledger.Count("attributed")
	pairs := []any{
		"kills", f.kills, "requests", calls, "acknowledged", r.Acknowledged, "from_spool", r.FromSpool,
		"lost", len(r.Lost), "duplicates", len(r.Duplicates), "problems", len(r.Problems),
	}
	for _, hit := range hits {
		if n := f.hits[hit]; n > 0 {
			pairs = append(pairs, hit, n)
		}
	}
	harness.Figures(f.t, "kills/"+name, append(pairs, more...)...)
}
