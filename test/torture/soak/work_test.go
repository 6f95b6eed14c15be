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

// work is what the server is given to do.
type work struct {
	site   *harness.Site
	srv    *harness.Server
	ledger *harness.Ledger

	refused []harness.Person
	fresh   []harness.Person // those before the next one are attributed

	mu     sync.Mutex
	sent   int
	next   int             // of fresh
	took   []time.Duration // since the last look
	waited []span          // the calls that were answered internal_error
	faults []string
}

func (w *work) fault(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.faults) < 20 {
		w.faults = append(w.faults, fmt.Sprintf(format, args...))
	}
}

// look returns how long the calls took that were answered since the last look.
func (w *work) look() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	took := w.took
	w.took = nil
	return took
}

// load makes the calls at their times until ctx ends. A call that has to wait for a connection is late,
// which counts as latency.
func (w *work) load(ctx context.Context) {
	c := harness.NewClient(connections)
	defer c.Close()
	due := make(chan time.Time, rate*10)
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			for at := range due {
				w.call(c, at)
			}
		})
	}
	began := time.Now()
	tick := time.NewTicker(time.Second / 100)
	defer tick.Stop()
	for n := 0; ctx.Err() == nil; {
		<-tick.C
		for at := began; ; n++ {
			if at = began.Add(time.Duration(n) * time.Second / rate); at.After(time.Now()) {
				break
			}
			due <- at
		}
	}
	close(due)
	all.Wait()
}

func (w *work) call(c *harness.Client, due time.Time) {
	p, code, want := w.choose()
	a, err := c.Attribute(context.Background(), w.srv.Address, p, code)
	answered := time.Now()
	if err != nil {
		w.fault("a call: %v", err)
		return
	}
	if want != "unknown_code" || a.Reason == want { // a refusal that waits leaves nothing to look for
		w.ledger.Answered(p, code, a)
	}
	waited := a.Reason == "internal_error" && want != "no_cookie"
	if a.Status != 200 || !waited && (a.Attributed != (want == "attributed") || !a.Attributed && a.Reason != want) {
		w.fault("a call was answered %+v, want %s", a, want)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.took = append(w.took, answered.Sub(due))
	if waited {
		w.waited = append(w.waited, span{due, answered})
	}
}

// choose returns the next call of the mix and the outcome it must have. The people for whom no code is
// named go round.
func (w *work) choose() (p harness.Person, code, want string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent++
	switch n := w.sent % 20; {
	case n < 3 && w.next < len(w.fresh):
		w.next++
		return w.fresh[w.next-1], w.site.People[0].Code, "attributed"
	case n == 3:
		return w.refused[w.sent/20%len(w.refused)], "no-such-code", "unknown_code"
	default:
		return w.fresh[w.sent*7919%len(w.fresh)], "", "no_cookie"
	}
}

// commands runs one command after the other, two a second at most, until ctx ends, and returns how many.
func (w *work) commands(ctx context.Context) int {
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

func (w *work) command(n int) {
	who := w.site.People[1+n%(operated-1)]
	backup := filepath.Join(w.site.Dir, "backup.db")
	all := [][]string{
		{"referral", "inspect", who.Email},
		{"referral", "inspect", w.site.People[0].Email},
		{"referral", "replay", "--dry-run"},
		{"session", "create", who.Email},
		{"session", "revoke", who.Email},
		{"code", "set", who.Email, fmt.Sprintf("slug-%d", n)},
		{"user", "create", "--email", fmt.Sprintf("late-%d@example.com", n)},
		{"db", "backup", backup},
	}
	args := all[n%len(all)]
	if _, err := w.site.Run(nil, args...); err != nil {
		w.fault("a command beside the load: %v", err)
	}
	if args[1] == "backup" {
		if err := os.Remove(backup); err != nil {
			w.fault("a backup: %v", err)
		}
	}
}
