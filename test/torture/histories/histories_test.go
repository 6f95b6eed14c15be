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

	"github.com/triport/triport-console/internal/store/sqlite"
	"github.com/triport/triport-console/test/torture/harness"
)

const (
	// concurrent histories share the server, so its batches mix their attempts.
	concurrent = 6
	// useCommandsEvery is how often a history uses the real commands. A process for each operation is a
	// hundred times slower.
	useCommandsEvery = 40
)

// For each history there must be an order of its operations that explains all answers and events.
func TestEveryHistoryIsLinearizable(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	// No attempt may be spooled on a busy machine: the time of its decision would be unknown.
	site := harness.NewSite(t, t.TempDir(), "referral: {signup_window: "+signupWindow.String()+", deadline: 30s}")
	srv := site.StartServer()
	store, err := sqlite.Open(t.Context(), site.Database, sqlite.Options{Mode: sqlite.ReadWrite})
	if err != nil {
		t.Fatal(err)
	}
	x := &runner{
		address: srv.Address, client: harness.NewClient(concurrent * workers),
		store: &storeOperator{store}, command: &commandOperator{site}, start: time.Now(),
	}
	defer x.client.Close()
	total := x.runAll(t, site, seed, harness.Scale(300, 4000))
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	srv.Stop()
	for _, line := range strings.Split(srv.Log(), "\n") {
		if strings.Contains(line, "ERRO") || strings.Contains(line, "WARN") {
			t.Errorf("the server logged: %s", line)
		}
	}
	if result := site.Check(harness.NewLedger(), true); result.Failed() || result.Attributions != total.attributed {
		t.Errorf("%d users are attributed, the database has %d\n%s", total.attributed, result.Attributions, result.Summary())
	}
	total.print(t, seed)
}

// runAll runs and checks that many histories. It stops after the first failure.
func (x *runner) runAll(t *testing.T, site *harness.Site, seed uint64, count int) *counts {
	t.Helper()
	db := site.Open()
	defer func() { _ = db.Close() }()
	total := &counts{byKind: make(map[string]int)}
	next := make(chan int)
	var wg sync.WaitGroup
	for range concurrent {
		wg.Go(func() {
			for i := range next {
				h := generate(seed, i)
				err := x.runOne(t.Context(), h, db)
				total.add(h, err)
				if err != nil {
					t.Errorf("-seed %d -history %d: %v\n%s", seed, planOf(i), err, h.format())
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

// planOf returns the number of the plan of history i.
func planOf(i int) int {
	if *historyFlag >= 0 {
		return *historyFlag
	}
	return i
}

// generate returns history i of a seed. Its users and tokens are unique.
func generate(seed uint64, i int) *history {
	plan, fresh := rand.NewPCG(seed, uint64(planOf(i))), rand.NewPCG(seed+1, uint64(i))
	return newHistory(i, rand.New(plan), rand.New(fresh), now())
}

func (x *runner) runOne(ctx context.Context, h *history, db *sql.DB) error {
	if err := x.prepare(ctx, h); err != nil {
		return err
	}
	by := operator(x.store)
	if planOf(h.number)%useCommandsEvery == 0 {
		by = x.command
	}
	x.run(ctx, h, by)
	if err := h.readLog(db); err != nil {
		return fmt.Errorf("read the audit log: %w", err)
	}
	return h.check()
}

// check compares a finished history with the model.
func (h *history) check() error {
	for _, r := range h.records {
		if r.err != nil {
			return fmt.Errorf("%s: %w", h.describe(r), r.err)
		}
	}
	if err := h.checkEvents(); err != nil {
		return err
	}
	ops := h.operations()
	result := porcupine.CheckOperationsTimeout(h.model(), ops, harness.Timeout)
	if result == porcupine.Ok {
		return nil
	}
	_, info := porcupine.CheckOperationsVerbose(h.model(), ops, harness.Timeout)
	return fmt.Errorf("no order of the operations explains it (%s). The longest valid order is:\n%s", result, longest(info))
}

// longest formats the longest prefix of an order that the model accepts.
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
			half = " (first half)"
		}
		fmt.Fprintf(&b, "  %s%s\n", st.h.describe(st.record), half)
	}
	return b.String()
}

// counts counts what the histories did. It is safe for concurrent use.
type counts struct {
	mu                                             sync.Mutex
	histories, operations, calls, overlaps, failed int
	attributed                                     int
	byKind                                         map[string]int
}

func (n *counts) add(h *history, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.histories++
	if err != nil {
		n.failed++
	}
	for i, r := range h.records {
		n.operations++
		if r.kind == kindCall {
			n.calls++
			n.byKind[r.answer.Outcome()]++
		} else {
			n.byKind[strings.ReplaceAll(string(r.kind), " ", "_")]++
		}
		for _, other := range h.records[:i] {
			if r.started <= other.ended && other.started <= r.ended {
				n.overlaps++
			}
		}
	}
	for _, e := range h.log {
		if e.signup {
			n.attributed++
		}
		if e.source == "replay" {
			n.byKind["replay_events"]++
		}
	}
}

func (n *counts) print(t *testing.T, seed uint64) {
	pairs := []any{
		"seed", seed, "histories", n.histories, "operations", n.operations, "overlapping_pairs", n.overlaps,
		"requests", n.calls, "attributions", n.attributed, "not_linearizable", n.failed,
	}
	for _, kind := range slices.Sorted(maps.Keys(n.byKind)) {
		pairs = append(pairs, kind, n.byKind[kind])
	}
	harness.Figures(t, "histories", pairs...)
}
