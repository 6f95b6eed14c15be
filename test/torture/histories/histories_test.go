package histories

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/triport/triport-console/internal/sqlite"
	"github.com/triport/triport-console/test/torture/harness"
)

const (
	// sideBySide histories share the server, so that its batches and locks hold attempts of several.
	sideBySide = 6
	// byCommand is how often the operator of a history is the real command line: a process for each
	// operation is a hundred times as slow.
	byCommand = 40
)

// TestEveryHistoryHasAnOrder runs the histories and looks, for each, for an order of its operations
// that explains all that was answered and logged.
func TestEveryHistoryHasAnOrder(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	// No attempt of a busy machine goes to the spool: when it is decided from there is nobody's call.
	site := harness.NewSite(t, t.TempDir(), "referral: {signup_window: "+signupWindow.String()+", deadline: 30s}")
	srv := site.Serve()
	store, err := sqlite.Open(t.Context(), site.Database, sqlite.Options{Mode: sqlite.ReadWrite})
	if err != nil {
		t.Fatal(err)
	}
	a := &arena{
		address: srv.Address, client: harness.NewClient(sideBySide * workers),
		store: &storeOperator{store}, command: &commandOperator{site}, start: time.Now(),
	}
	defer a.client.Close()
	total := a.runAll(t, site, seed, harness.Scale(300, 4000))
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	srv.Stop()
	for _, line := range strings.Split(srv.Log(), "\n") {
		if strings.Contains(line, "ERRO") || strings.Contains(line, "WARN") {
			t.Errorf("the server complains: %s", line)
		}
	}
	if v := site.Check(harness.NewLedger(), true); v.Bad() || v.Rows != total.linked {
		t.Errorf("%d linked, and the store has: %+v", total.linked, v)
	}
	total.print(t, seed)
}

// runAll runs and checks that many histories, and stops after the first that fails.
func (a *arena) runAll(t *testing.T, site *harness.Site, seed uint64, count int) *tally {
	t.Helper()
	db := site.Open()
	defer func() { _ = db.Close() }()
	total := &tally{done: make(map[string]int)}
	next := make(chan int)
	var wg sync.WaitGroup
	for range sideBySide {
		wg.Go(func() {
			for i := range next {
				h := draw(seed, i)
				err := a.runOne(t.Context(), h, db)
				total.add(h, err)
				if err != nil {
					t.Errorf("-seed %d -history %d: %v\n%s", seed, planOf(i), err, h.tell())
				}
			}
		})
	}
	for i := 0; i < count && !t.Failed(); i++ {
		next <- i
	}
	close(next)
	wg.Wait()
	return total
}

// planOf is the number of the plan that history i follows.
func planOf(i int) int {
	if *historyFlag >= 0 {
		return *historyFlag
	}
	return i
}

// draw draws history i of a seed. Its users and their tokens are always its own.
func draw(seed uint64, i int) *history {
	plan, fresh := rand.NewPCG(seed, uint64(planOf(i))), rand.NewPCG(seed+1, uint64(i))
	return newHistory(i, rand.New(plan), rand.New(fresh), now())
}

func (a *arena) runOne(ctx context.Context, h *history, db *sql.DB) error {
	if err := a.prepare(ctx, h); err != nil {
		return err
	}
	by := operator(a.store)
	if planOf(h.number)%byCommand == 0 {
		by = a.command
	}
	a.run(ctx, h, by)
	if err := h.readLog(db); err != nil {
		return fmt.Errorf("read the audit log: %w", err)
	}
	return h.check()
}

// check holds a finished history against the model.
func (h *history) check() error {
	for _, r := range h.records {
		if r.fault != nil {
			return fmt.Errorf("%s: %w", h.describe(r), r.fault)
		}
	}
	if err := h.agree(); err != nil {
		return err
	}
	ops := h.operations()
	result := porcupine.CheckOperationsTimeout(h.model(), ops, harness.Patience)
	if result == porcupine.Ok {
		return nil
	}
	_, info := porcupine.CheckOperationsVerbose(h.model(), ops, harness.Patience)
	return fmt.Errorf("no order of the operations explains it (%s). The best one ends after:\n%s", result, longest(info))
}

// longest tells the longest beginning of an order that the model accepts.
func longest(info porcupine.LinearizationInfo) string {
	var best []porcupine.Operation
	for _, partition := range info.PartialLinearizationsOperations() {
		for _, partial := range partition {
			if len(partial) > len(best) {
				best = partial
			}
		}
	}
	var b strings.Builder
	for _, op := range best {
		st := op.Input.(*step)
		half := ""
		if st.first {
			half = " (the look)"
		}
		fmt.Fprintf(&b, "  %s%s\n", st.h.describe(st.record), half)
	}
	return b.String()
}

// tally counts what the histories did. Safe for concurrent use.
type tally struct {
	mu                                           sync.Mutex
	histories, operations, calls, overlaps, fell int
	linked                                       int
	done                                         map[string]int
}

func (n *tally) add(h *history, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.histories++
	if err != nil {
		n.fell++
	}
	for i, r := range h.records {
		n.operations++
		if r.kind == kindCall {
			n.calls++
			n.done[outcomeOf(r)]++
		} else {
			n.done[strings.ReplaceAll(string(r.kind), " ", "_")]++
		}
		for _, other := range h.records[:i] {
			if r.begun <= other.ended && other.begun <= r.ended {
				n.overlaps++
			}
		}
	}
	for _, e := range h.log {
		if e.signup {
			n.linked++
		}
		if e.source == "replay" {
			n.done["replay_events"]++
		}
	}
}

func (n *tally) print(t *testing.T, seed uint64) {
	pairs := []any{
		"seed", seed, "histories", n.histories, "operations", n.operations, "overlapping_pairs", n.overlaps,
		"requests", n.calls, "linked", n.linked, "without_an_order", n.fell,
	}
	for _, word := range slices.Sorted(maps.Keys(n.done)) {
		pairs = append(pairs, word, n.done[word])
	}
	harness.Figures(t, "histories", pairs...)
}
