package disks

import (
	"context"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
	"github.com/triport/triport-console/test/torture/lossyfs"
)

const (
	callers = 12 // concurrent calls
	// maxAnswerTime is referral.deadline and the spool's time, 2 s each, plus slack for a busy machine.
	maxAnswerTime = 4*time.Second + 1500*time.Millisecond
	// maxDetection bounds the time until /readyz reports the failure.
	maxDetection = 20 * time.Second
	// maxRecovery bounds the time from the disk's recovery to the server's.
	maxRecovery = 15 * time.Second
	// retryEvery is the pause between two calls during recovery.
	retryEvery = 100 * time.Millisecond
)

// fixture is a server on a disk that fails.
type fixture struct {
	*harness.Site
	lossy  *lossyfs.Site // nil on an ordinary disk
	srv    *harness.Server
	client *harness.Client
	ledger *harness.Ledger

	mu        sync.Mutex
	next      int // index of the next user who has not called
	backedUp  int // next as it was at the backup
	statuses  map[int]int
	slowest   time.Duration
	logs      string // of the servers before the current one
	unready   string // message of /readyz
	recovered time.Duration
	replayed  int // lines of the error log
	result    harness.CheckResult
}

// users is enough for every test with a failing disk.
const users = 1 + 8*callers + int(maxRecovery/retryEvery)

func newFixture(t *testing.T, dir string, users int) *fixture {
	t.Helper()
	s := harness.NewSite(t, dir)
	s.AddUsers(users)
	return start(&fixture{Site: s})
}

func newLossyFixture(t *testing.T) *fixture {
	t.Helper()
	s := lossyfs.NewSite(t, users)
	return start(&fixture{Site: s.Site, lossy: s})
}

func start(f *fixture) *fixture {
	f.srv, f.client, f.ledger = f.StartServer(), harness.NewClient(callers), harness.NewLedger()
	f.next, f.statuses = 1, make(map[int]int)
	f.T.Cleanup(f.client.Close)
	// Each request opens one more read connection. As root, SQLite changes the owner of the WAL when it opens
	// one, and FUSE blocks that while an fsync hangs.
	for range 8 {
		f.waitReady(true, harness.Timeout)
	}
	return f
}

// code is the code in every call.
func (f *fixture) code() string { return f.Users[0].Code }

// nextUser returns a user who has not called. ok is false if only that many are left.
func (f *fixture) nextUser(reserve int) (u harness.User, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next >= len(f.Users)-reserve {
		return u, false
	}
	f.next++
	return f.Users[f.next-1], true
}

// newUser is nextUser for tests that have enough users.
func (f *fixture) newUser() harness.User {
	f.T.Helper()
	u, ok := f.nextUser(0)
	if !ok {
		f.T.Fatal("the test has too few users")
	}
	return u
}

// callAll lets new users call at the same time.
func (f *fixture) callAll() {
	f.T.Helper()
	ctx, cancel := context.WithTimeout(f.T.Context(), harness.Timeout)
	defer cancel()
	var all sync.WaitGroup
	for range callers {
		u := f.newUser()
		all.Go(func() {
			if _, err := f.call(ctx, u); err != nil {
				f.T.Errorf("no answer: %v", err)
			}
		})
	}
	all.Wait()
}

// call makes one call and checks that the answer is permitted.
func (f *fixture) call(ctx context.Context, u harness.User) (harness.Answer, error) {
	f.ledger.AddCall()
	a, err := f.client.Attribute(ctx, f.srv.Address, u, f.code())
	if err != nil {
		return a, err
	}
	f.ledger.AddAnswer(u, f.code(), a)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.statuses[a.Status]++
	f.slowest = max(f.slowest, a.Took)
	if a.Took > maxAnswerTime {
		f.T.Errorf("an answer (%d %s) took %s", a.Status, a.Outcome(), a.Took)
	}
	if a.Status != http.StatusOK && a.Status != http.StatusServiceUnavailable {
		f.T.Errorf("status %d %s", a.Status, a.Error)
	}
	return a, nil
}

// attributed returns the number of calls that were answered attributed.
func (f *fixture) attributed() int {
	_, n := f.ledger.Count("attributed")
	return n
}

// wantAttributed lets new users call, all of whom must be attributed.
func (f *fixture) wantAttributed(when string) {
	f.T.Helper()
	before := f.attributed()
	f.callAll()
	if n := f.attributed() - before; n != callers {
		f.T.Fatalf("%s: %d of %d were attributed: %v\n%s", when, n, callers, f.ledger.Answers(), f.srv.Log())
	}
}

// callUntilUnready lets users call on a failing disk until /readyz reports it, and once more.
func (f *fixture) callUntilUnready() {
	f.T.Helper()
	f.callAll()
	f.waitReady(false, maxDetection)
	f.callAll()
}

// waitReady waits until /readyz reports that the server is ready, or that it is not and why.
func (f *fixture) waitReady(ready bool, timeout time.Duration) {
	f.T.Helper()
	var last string
	for deadline := time.Now().Add(timeout); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		is, message, err := f.client.Ready(f.T.Context(), f.srv.Address)
		last = message
		if err != nil || is != ready {
			continue
		}
		if !ready && message == "" {
			f.T.Error("/readyz answers 503 without a message")
		}
		if !ready {
			f.unready = message
		}
		return
	}
	f.T.Fatalf("after %s /readyz still reports ready=%v, %q\n%s", timeout, !ready, last, f.srv.Log())
}

// waitRecovered waits until the server is ready, attributes at once and has drained its spool. Then it
// replays what only the error log has.
func (f *fixture) waitRecovered() {
	f.T.Helper()
	started := time.Now()
	f.waitReady(true, maxRecovery)
	for !f.attributesNext() || f.spooled() {
		if time.Since(started) > maxRecovery {
			f.T.Fatalf("after %s attempts are still spooled: %v\n%s", maxRecovery, f.ledger.Answers(), f.srv.Log())
		}
		<-time.After(retryEvery)
	}
	f.recovered = time.Since(started)
	f.replayLog()
}

// attributesNext reports whether the next call is attributed at once.
func (f *fixture) attributesNext() bool {
	f.T.Helper()
	a, err := f.call(f.T.Context(), f.newUser())
	if err != nil {
		f.T.Errorf("no answer: %v", err)
	}
	return a.Attributed
}

// replayLog replays the attempts in the servers' logs.
func (f *fixture) replayLog() {
	f.T.Helper()
	var lines strings.Builder
	for line := range strings.Lines(f.logs + f.srv.Log()) {
		if strings.HasPrefix(line, "{") && strings.Contains(line, `"attempt_id"`) {
			lines.WriteString(line)
			f.replayed++
		}
	}
	if f.replayed == 0 {
		return
	}
	if _, err := f.Run([]byte(lines.String()), "referral", "replay", "--from", "-"); err != nil {
		f.T.Fatal(err)
	}
}

func (f *fixture) spooled() bool {
	if f.lossy != nil {
		return f.lossy.Spooled()
	}
	return len(f.SpoolFiles()) > 0
}

// finish ends the server and compares the database with what was acknowledged.
func (f *fixture) finish(name string) {
	f.T.Helper()
	site := f.Site
	if f.lossy != nil {
		f.lossy.Cut(lossyfs.LoseAll, f.srv)
		site = f.lossy.Copy()
	} else {
		f.srv.Stop()
	}
	f.result = site.Check(f.ledger, true)
	f.figures(name)
	if f.result.Failed() {
		f.T.Errorf("%s\n%s", f.result.Summary(), f.srv.Log())
	}
}

func (f *fixture) figures(name string) {
	f.T.Helper()
	calls, _ := f.ledger.Count("")
	var seed uint64
	if f.lossy != nil {
		seed = f.lossy.Seed
	}
	harness.Figures(f.T, "disks/"+name, "seed", seed, "requests", calls, "ok", f.statuses[http.StatusOK], "unavailable", f.statuses[http.StatusServiceUnavailable],
		"acknowledged", f.result.Acknowledged, "from_spool", f.result.FromSpool, "from_log", f.replayed, "lost", len(f.result.Lost),
		"duplicates", len(f.result.Duplicates), "slowest", f.slowest.Round(time.Millisecond), "recovered_in", f.recovered.Round(time.Millisecond),
		"readyz", "\""+f.unready+"\"")
}

// wantOnly200 checks that every call so far was answered 200: the sessions could be checked.
func (f *fixture) wantOnly200() {
	f.T.Helper()
	if n := f.statuses[http.StatusServiceUnavailable]; n > 0 {
		f.T.Errorf("%d calls were answered 503 although their sessions could be checked\n%s", n, f.srv.Log())
	}
}

// wantNoDeadLetters checks that every spooled attempt could be replayed.
func (f *fixture) wantNoDeadLetters() {
	f.T.Helper()
	if b, err := os.ReadFile(f.Database + ".spool.bad"); err == nil {
		f.T.Errorf("dead letters: %.500s", b)
	}
}
