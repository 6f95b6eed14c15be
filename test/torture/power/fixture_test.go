package power

import (
	"context"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
	"github.com/triport/triport-console/test/torture/lossyfs"
)

// fixture is a server on a lossy disk.
type fixture struct {
	*lossyfs.Site
	srv    *harness.Server
	ledger *harness.Ledger
	next   int // index of the next user who has not called
	cuts   int
	total  harness.CheckResult // counts of the last check, problems of all checks
}

// newFixture creates a site with that many users. The first owns the code that all others use.
func newFixture(t *testing.T, users int) *fixture {
	t.Helper()
	f := &fixture{Site: lossyfs.NewSite(t, users, "referral: {deadline: 150ms}", "log: {level: error}"), ledger: harness.NewLedger(), next: 1}
	f.srv = f.StartServer()
	return f
}

// load lets the next n users call on several connections. over is closed once all have called or the
// server is gone.
func (f *fixture) load(n int) (over <-chan struct{}) {
	users := f.Users[f.next:min(len(f.Users), f.next+n)]
	f.next += len(users)
	done := make(chan struct{})
	address, code := f.srv.Address, f.Users[0].Code
	ctx, cancel := context.WithTimeout(f.T.Context(), harness.Timeout)
	go func() {
		defer close(done)
		defer cancel()
		f.Load(ctx, address, 16, users, func(int) string { return code }, f.ledger)
	}()
	return done
}

// waitSpooled waits until n more calls than before were answered internal_error.
func (f *fixture) waitSpooled(before, n int) {
	f.T.Helper()
	harness.WaitFor(f.T, "attempts are answered internal_error", func() bool { return f.count("internal_error") >= before+n })
}

func (f *fixture) count(outcome string) int {
	_, n := f.ledger.Count(outcome)
	return n
}

// cut cuts the power when the disk freezes or the load is over, and starts the server again.
func (f *fixture) cut(loss lossyfs.Loss, frozen, over <-chan struct{}, others ...lossyfs.Process) {
	f.T.Helper()
	select {
	case <-frozen:
	case <-over:
	case <-time.After(harness.Timeout):
		f.T.Fatal("neither does the disk freeze nor the load end")
	}
	f.Cut(loss, append(others, f.srv)...)
	<-over
	f.cuts++
	f.srv = f.StartServer()
}

// check waits for the spool and compares the database with the ledger.
func (f *fixture) check() {
	f.T.Helper()
	f.WaitDrained()
	r := f.Copy().Check(f.ledger, true)
	f.total.Acknowledged, f.total.FromSpool, f.total.Attributions = r.Acknowledged, r.FromSpool, r.Attributions
	f.total.Lost = append(f.total.Lost, r.Lost...)
	f.total.Duplicates = append(f.total.Duplicates, r.Duplicates...)
	f.total.Problems = append(f.total.Problems, r.Problems...)
	if r.Failed() {
		f.T.Fatalf("after cut %d: %s\n%s", f.cuts, r.Summary(), f.srv.Log())
	}
}

// figures prints the figures, also of a failed test. If the count that the test is about is 0, the cuts
// prove nothing.
func (f *fixture) figures(name string, count *int) {
	f.T.Helper()
	if *count == 0 && !f.T.Failed() {
		f.T.Errorf("seed %d: nothing could be lost at any of %d cuts: this run proves nothing: %v", f.Seed, f.cuts, f.ledger.Answers())
	}
	calls, _ := f.ledger.Count("")
	harness.Figures(f.T, "power/"+name, "seed", f.Seed, "cuts", f.cuts, "requests", calls, "acknowledged", f.total.Acknowledged,
		"from_spool", f.total.FromSpool, "lost", len(f.total.Lost), "duplicates", len(f.total.Duplicates), "problems", len(f.total.Problems))
}
