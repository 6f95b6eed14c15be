package soak

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

// workload makes the calls and runs the commands.
type workload struct {
	site   *harness.Site
	srv    *harness.Server
	ledger *harness.Ledger

	rejected []harness.User
	fresh    []harness.User // those before next have been attributed

	mu       sync.Mutex
	sent     int
	next     int             // index into fresh
	took     []time.Duration // since the last takeLatencies
	spooled  []span          // calls that were answered internal_error
	problems []string
}

func (w *workload) problem(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.problems) < 20 {
		w.problems = append(w.problems, fmt.Sprintf(format, args...))
	}
}

// takeLatencies returns how long the calls took that were answered since it was last called.
func (w *workload) takeLatencies() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	took := w.took
	w.took = nil
	return took
}

// load makes each call when it is due, until ctx ends. Waiting for a connection counts as latency.
func (w *workload) load(ctx context.Context) {
	c := harness.NewClient(connections)
	defer c.Close()
	due := make(chan time.Time, rate*10)
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			_, _, _ = c.Ready(ctx, w.srv.Address) // opens the connections early: later they would look like growth
			for at := range due {
				w.call(c, at)
			}
		})
	}
	started := time.Now()
	tick := time.NewTicker(time.Second / 100)
	defer tick.Stop()
	for n := 0; ctx.Err() == nil; {
		<-tick.C
		for at := started; ; n++ {
			if at = started.Add(time.Duration(n) * time.Second / rate); at.After(time.Now()) {
				break
			}
			due <- at
		}
	}
	close(due)
	all.Wait()
}

func (w *workload) call(c *harness.Client, due time.Time) {
	u, code, want := w.nextCall()
	a, err := c.Attribute(context.Background(), w.srv.Address, u, code)
	answered := time.Now()
	if err != nil {
		w.problem("no answer: %v", err)
		return
	}
	if want != "unknown_code" || a.Reason == want { // a spooled rejection leaves no attribution
		w.ledger.AddAnswer(u, code, a)
	}
	spooled := a.Reason == "internal_error" && want != "no_cookie"
	if a.Status != 200 || !spooled && (a.Attributed != (want == "attributed") || !a.Attributed && a.Reason != want) {
		w.problem("answered %+v, want %s", a, want)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.took = append(w.took, answered.Sub(due))
	if spooled {
		w.spooled = append(w.spooled, span{due, answered})
	}
}

// nextCall returns the next call of the mix and its expected outcome. Users without a code take turns.
func (w *workload) nextCall() (u harness.User, code, want string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent++
	switch n := w.sent % 20; {
	case n < 3 && w.next < len(w.fresh):
		w.next++
		return w.fresh[w.next-1], w.site.Users[0].Code, "attributed"
	case n == 3:
		return w.rejected[w.sent/20%len(w.rejected)], "no-such-code", "unknown_code"
	default:
		return w.fresh[w.sent*7919%len(w.fresh)], "", "no_cookie"
	}
}

// commands runs commands until ctx ends, at most two a second, and returns how many.
func (w *workload) commands(ctx context.Context) int {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	n := 0
	for {
		select {
		case <-ctx.Done():
			return n
		case <-tick.C:
		}
		w.command(n)
		n++
	}
}

func (w *workload) command(n int) {
	u := w.site.Users[1+n%(operated-1)]
	backup := filepath.Join(w.site.Dir, "backup.db")
	all := [][]string{
		{"referral", "inspect", u.Email},
		{"referral", "inspect", w.site.Users[0].Email},
		{"referral", "replay", "--dry-run"},
		{"session", "create", u.Email},
		{"session", "revoke", u.Email},
		{"code", "set", u.Email, fmt.Sprintf("slug-%d", n)},
		{"user", "create", "--email", fmt.Sprintf("late-%d@example.com", n)},
		{"db", "backup", backup},
	}
	args := all[n%len(all)]
	if _, err := w.site.Run(nil, args...); err != nil {
		w.problem("a command: %v", err)
	}
	if args[1] == "backup" {
		if err := os.Remove(backup); err != nil {
			w.problem("remove a backup: %v", err)
		}
	}
}
