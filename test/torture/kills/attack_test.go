package kills

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

// referrers is how many people others name. They never call themselves, so that no ring can arise.
const referrers = 10

// attack is one site under attack, and the account of it.
type attack struct {
	*harness.Site
	t      *testing.T
	dice   *rand.Rand
	ledger *harness.Ledger
	called int // how many of the people have called by now
	rounds int
	giveUp time.Time // when no further round is tried
	kills  int
	hits   map[string]int // how many kills hit what
}

// newAttack makes a site where people can call.
func newAttack(t *testing.T, people int, config ...string) *attack {
	t.Helper()
	a := &attack{
		Site: harness.NewSite(t, t.TempDir(), config...),
		t:    t, dice: newDice(t), ledger: harness.NewLedger(), hits: make(map[string]int),
	}
	a.Populate(referrers + people)
	return a
}

// goesOn tells whether there is another round: there are so many, and then more for as long as no kill has
// hit what the test is about, for that is left to chance. A test whose kills all missed proves nothing, and
// fails.
func (a *attack) goesOn(rounds int, hit string) bool {
	a.t.Helper()
	a.rounds++
	switch {
	case a.rounds <= rounds:
		a.giveUp = time.Now().Add(harness.Patience)
	case a.hits[hit] > 0:
		return false
	case time.Now().After(a.giveUp):
		a.t.Errorf("%s=0 of %d kills in %d rounds, seed %d: this run proves nothing", hit, a.kills, a.rounds-1, *seed)
		return false
	}
	return true
}

// crowd returns the next n people who have not called yet.
func (a *attack) crowd(n int) []harness.Person {
	a.t.Helper()
	from := referrers + a.called
	if missing := from + n - len(a.People); missing > 0 {
		a.Populate(missing)
	}
	a.called += n
	return a.People[from : from+n]
}

// twice has everybody call twice, close to each other, so that two calls of one race.
func twice(people []harness.Person) []harness.Person {
	calls := make([]harness.Person, 0, 2*len(people))
	for len(people) > 0 {
		n := min(16, len(people))
		calls = append(append(calls, people[:n]...), people[:n]...)
		people = people[n:]
	}
	return calls
}

// code returns the code that the i-th call names. The two calls of one person name different ones.
func (a *attack) code(i int) string { return a.People[i/16%referrers].Code }

// load has the people call in the background; wait returns when all have, or the server is gone.
func (a *attack) load(srv *harness.Server, conns int, people []harness.Person) (wait func()) {
	ctx, cancel := context.WithCancel(a.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.Load(ctx, srv.Address, conns, people, a.code, a.ledger)
	}()
	a.t.Cleanup(func() { cancel(); <-done })
	return func() { <-done }
}

// answered waits until n more calls than before were answered so, or the load is over. It looks often:
// what a kill right after an answer finds undone was answered too early.
func (a *attack) answered(outcome string, before, n int, over <-chan struct{}) {
	a.t.Helper()
	look := time.NewTicker(100 * time.Microsecond)
	defer look.Stop()
	patience := time.After(harness.Patience)
	for {
		if _, now := a.ledger.Count(outcome); now-before >= n {
			return
		}
		select {
		case <-over:
			return
		case <-look.C:
		case <-patience:
			a.t.Fatalf("after %s still not %d answers of %s: %v", harness.Patience, n, outcome, a.ledger.Answers())
		}
	}
}

// moment waits for a random part of d.
func (a *attack) moment(d time.Duration) { <-time.After(time.Duration(a.dice.Int64N(int64(d)))) }

// kill kills the server and notes what that hit.
func (a *attack) kill(srv *harness.Server) {
	srv.Kill()
	a.killed()
}

func (a *attack) killed() {
	a.kills++
	if waits := a.waiting(); len(waits) > 0 {
		a.hits["left_spool"]++
	}
	for _, hit := range inside(a.Database) {
		a.hits[hit]++
	}
}

// killCommand runs a command and kills it once wait returns.
func (a *attack) killCommand(wait func(), args ...string) {
	a.t.Helper()
	cmd := a.Command(args...)
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	wait()
	_ = cmd.Process.Kill()
	err := cmd.Wait()
	a.killed()
	if err == nil {
		a.hits["too_late"]++
	}
}

// within returns what waits for a random part of d.
func (a *attack) within(d time.Duration) func() { return func() { a.moment(d) } }

// waiting returns the files in which attempts wait.
func (a *attack) waiting() (files []string) {
	for _, pattern := range []string{".spool", ".spool.[0-9]*"} {
		names, err := filepath.Glob(a.Database + pattern)
		if err != nil {
			a.t.Fatal(err)
		}
		for _, name := range names {
			if info, err := os.Stat(name); err == nil && info.Size() > 0 {
				files = append(files, name)
			}
		}
	}
	return files
}

// left counts what a kill left, in a copy: who opens the database itself cleans up after the kill, and
// that is the next program's work.
func (a *attack) left(count string) (n int) {
	a.t.Helper()
	site := *a.Site
	site.Database = filepath.Join(a.t.TempDir(), "left.db")
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(a.Database + suffix)
		if err == nil {
			err = os.WriteFile(site.Database+suffix, b, 0o600)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			a.t.Fatal(err)
		}
	}
	db := site.Open()
	err := db.QueryRowContext(a.t.Context(), count).Scan(&n)
	if err := errors.Join(err, db.Close()); err != nil {
		a.t.Fatal(err)
	}
	return n
}

// recover starts the program again, has it drain what waits and checks everything. Then the people call
// who may have had no answer, until all are linked: on a busy machine some of these wait in the spool too.
func (a *attack) recover(people []harness.Person) *harness.Server {
	a.t.Helper()
	srv := a.Serve()
	a.drained()
	a.sound()
	harness.Until(a.t, "everybody who has called linked", func() bool {
		a.Load(a.t.Context(), srv.Address, 16, people, a.code, a.ledger)
		a.drained()
		return a.sound().Rows == a.called || a.t.Failed()
	})
	if a.t.Failed() {
		log := srv.Log()
		a.t.Fatalf("after kill %d, seed %d; the server said last:\n%s", a.kills, *seed, log[max(0, len(log)-1000):])
	}
	return srv
}

func (a *attack) drained() {
	a.t.Helper()
	harness.Until(a.t, "an empty spool", func() bool { return len(a.waiting()) == 0 })
}

// sound holds the store against what was acknowledged.
func (a *attack) sound() harness.Verdict {
	a.t.Helper()
	v := a.Check(a.ledger, true)
	if v.Bad() {
		a.t.Errorf("kill %d: %d lost, %d doubled, unsound: %.600q\nlost: %.300q\ndoubled: %.300q",
			a.kills, len(v.Lost), len(v.Doubled), v.Unsound, v.Lost, v.Doubled)
	}
	return v
}

// figures ends the attack: the server stops in good order, everything is checked once more and printed.
func (a *attack) figures(name string, srv *harness.Server, more ...any) {
	a.t.Helper()
	srv.Stop()
	v := a.sound()
	sent, _ := a.ledger.Count("attributed")
	pairs := []any{
		"kills", a.kills, "requests", sent, "acknowledged", v.Acknowledged, "waited", v.Waited,
		"lost", len(v.Lost), "doubled", len(v.Doubled), "unsound", len(v.Unsound),
	}
	for _, hit := range hits {
		if n := a.hits[hit]; n > 0 {
			pairs = append(pairs, hit, n)
		}
	}
	harness.Figures(a.t, "kills/"+name, append(pairs, more...)...)
}
