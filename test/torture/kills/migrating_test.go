package kills

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

// TestKilledWhileMigrating kills what makes the database, up to three times in a row on the same
// file. The next one must come up and work.
func TestKilledWhileMigrating(t *testing.T) {
	rounds := harness.Scale(2, 10)
	a := newAttack(t, 0)
	whole := a.timeToMigrate()
	var requests int
	for a.goesOn(rounds, "half_made") {
		a.remove()
		for kill := range 3 {
			command := []string{"db", "migrate"}
			if kill%2 == 1 {
				command = []string{"serve"}
			}
			a.killCommand(a.within(whole), command...)
			if a.halfMade() {
				a.hits["half_made"]++
			}
		}
		if _, err := a.Run(nil, "db", "migrate"); err != nil {
			t.Fatalf("after kill %d, seed %d: %v", a.kills, *seed, err)
		}
		requests += a.first()
	}
	harness.Figures(t, "kills/migrating", "kills", a.kills, "requests", requests,
		"half_made", a.hits["half_made"], "too_late", a.hits["too_late"])
}

// halfMade tells whether there is a database without its tables.
func (a *attack) halfMade() bool {
	a.t.Helper()
	_, err := os.Stat(a.Database)
	return err == nil && a.left("SELECT count(*) FROM sqlite_schema WHERE name = 'attributions'") == 0
}

// remove removes the database, so that the next command finds nothing.
func (a *attack) remove() {
	a.t.Helper()
	names, err := filepath.Glob(a.Database + "*")
	if err != nil {
		a.t.Fatal(err)
	}
	for _, name := range names {
		if err := os.Remove(name); err != nil {
			a.t.Fatal(err)
		}
	}
}

// timeToMigrate is how long making the database takes.
func (a *attack) timeToMigrate() time.Duration {
	a.t.Helper()
	a.remove()
	began := time.Now()
	if _, err := a.Run(nil, "db", "migrate"); err != nil {
		a.t.Fatal(err)
	}
	return time.Since(began)
}

// first has the first people of a database called in and linked, and returns how many have called.
func (a *attack) first() int {
	a.t.Helper()
	a.People, a.ledger = nil, harness.NewLedger()
	a.Populate(5)
	srv := a.Serve()
	code := a.People[0].Code
	a.Load(a.t.Context(), srv.Address, 2, a.People[1:], func(int) string { return code }, a.ledger)
	srv.Stop()
	if v := a.sound(); v.Acknowledged != 4 || v.Rows != 4 {
		a.t.Fatalf("after kill %d, seed %d: the new database took %d of 4: %v", a.kills, *seed, v.Rows, a.ledger.Answers())
	}
	return 4
}
