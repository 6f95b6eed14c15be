package power

import (
	"context"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
	"github.com/triport/triport-console/test/torture/lossyfs"
)

// house is a server on a lossy disk, the load on it, and what it owes.
type house struct {
	*lossyfs.Site
	srv    *harness.Server
	ledger *harness.Ledger
	next   int // of the people who have not called
	cuts   int
	worst  harness.Verdict
}

// newHouse has so many people, of whom the first owns the code that all others bring.
func newHouse(t *testing.T, people int) *house {
	t.Helper()
	h := &house{Site: lossyfs.NewSite(t, people, "referral: {deadline: 150ms}", "log: {level: error}"), ledger: harness.NewLedger(), next: 1}
	h.srv = h.Serve()
	return h
}

// load lets the next n people call, on several connections at once, until all have or the server is
// gone. The channel is closed then.
func (h *house) load(n int) (done chan struct{}) {
	people := h.People[h.next:min(len(h.People), h.next+n)]
	h.next += len(people)
	done = make(chan struct{})
	address, code := h.srv.Address, h.People[0].Code
	ctx, cancel := context.WithTimeout(h.T.Context(), harness.Patience)
	go func() {
		defer close(done)
		defer cancel()
		h.Load(ctx, address, 16, people, func(int) string { return code }, h.ledger)
	}()
	return done
}

// internalErrors waits until n calls more than before were answered internal_error.
func (h *house) internalErrors(before, n int) {
	h.T.Helper()
	harness.Until(h.T, "attempts are answered internal_error", func() bool { return h.spooled() >= before+n })
}

func (h *house) spooled() int {
	_, n := h.ledger.Count("internal_error")
	return n
}

// cut cuts the power when the disk freezes, or when the load is over, and starts again.
func (h *house) cut(fate lossyfs.Fate, frozen <-chan struct{}, loaded <-chan struct{}, beside ...lossyfs.Process) {
	h.T.Helper()
	select {
	case <-frozen:
	case <-loaded:
	case <-time.After(harness.Patience):
		h.T.Fatal("neither does the disk freeze nor the load end")
	}
	h.Cut(fate, append(beside, h.srv)...)
	if loaded != nil {
		<-loaded
	}
	h.cuts++
	h.srv = h.Serve()
}

// check drains what waits and holds the store against the ledger.
func (h *house) check() {
	h.T.Helper()
	harness.Until(h.T, "the spool is drained", func() bool { return !h.Waiting() })
	v := h.Copy().Check(h.ledger, true)
	h.worst.Acknowledged, h.worst.Waited, h.worst.Rows = v.Acknowledged, v.Waited, v.Rows
	h.worst.Lost = append(h.worst.Lost, v.Lost...)
	h.worst.Doubled = append(h.worst.Doubled, v.Doubled...)
	h.worst.Unsound = append(h.worst.Unsound, v.Unsound...)
	if v.Bad() {
		h.T.Fatalf("after cut %d: %d lost, %d doubled, %d unsound\nlost: %.3q\ndoubled: %.3q\nunsound: %.3q\n%s",
			h.cuts, len(v.Lost), len(v.Doubled), len(v.Unsound), first(v.Lost), first(v.Doubled), first(v.Unsound), h.srv.Log())
	}
}

// figures prints them, also of a test that failed. owed is the one that the test is about: cuts at which
// nothing was owed prove nothing.
func (h *house) figures(what string, owed *int) {
	h.T.Helper()
	if *owed == 0 && !h.T.Failed() {
		h.T.Errorf("seed %d: nothing was owed at any of %d cuts, so that this run proves nothing: %v", h.Seed, h.cuts, h.ledger.Answers())
	}
	sent, _ := h.ledger.Count("")
	harness.Figures(h.T, "power "+what, "seed", h.Seed, "cuts", h.cuts, "requests", sent, "acknowledged", h.worst.Acknowledged,
		"spooled", h.worst.Waited, "lost", len(h.worst.Lost), "doubled", len(h.worst.Doubled), "unsound", len(h.worst.Unsound))
}

func first(list []string) []string { return list[:min(3, len(list))] }
