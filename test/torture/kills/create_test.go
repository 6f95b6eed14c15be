package kills

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

// TestKillDuringCreation kills the process that creates the database, three times in a row on the same
// file. The next process must complete it.
func TestKillDuringCreation(t *testing.T) {
	rounds := harness.Scale(2, 10)
	f := newFixture(t, 0)
	f.removeDatabase()
	duration := f.timeMigration()
	var requests int
	for f.nextRound(rounds, "incomplete") {
		f.removeDatabase()
		for kill := range 3 {
			command := []string{"db", "migrate"}
			if kill%2 == 1 {
				command = []string{"serve"}
			}
			f.killCommand(f.within(duration), command...)
			if f.incomplete() {
				f.hits["incomplete"]++
			}
		}
		if _, err := f.Run(nil, "db", "migrate"); err != nil {
			t.Fatalf("after kill %d, seed %d: %v", f.kills, *seed, err)
		}
		requests += f.useNewDatabase()
	}
	harness.Figures(t, "kills/creation", "kills", f.kills, "requests", requests,
		"incomplete", f.hits["incomplete"], "too_late", f.hits["too_late"])
}

// incomplete reports whether the database exists without the last of its tables.
func (f *fixture) incomplete() bool {
	f.t.Helper()
	_, err := os.Stat(f.Database)
	return err == nil && f.countInCopy("SELECT count(*) FROM sqlite_schema WHERE name = 'settings'") == 0
}

// removeDatabase removes the database and the files next to it.
func (f *fixture) removeDatabase() {
	f.t.Helper()
	names, err := filepath.Glob(f.Database + "*")
	if err != nil {
		f.t.Fatal(err)
	}
	for _, name := range names {
		if err := os.Remove(name); err != nil {
			f.t.Fatal(err)
		}
	}
}

// timeMigration measures how long db migrate takes.
func (f *fixture) timeMigration() time.Duration {
	f.t.Helper()
	started := time.Now()
	if _, err := f.Run(nil, "db", "migrate"); err != nil {
		f.t.Fatal(err)
	}
	return time.Since(started)
}

// useNewDatabase adds users who call, and returns the number of calls.
func (f *fixture) useNewDatabase() int {
	f.t.Helper()
	f.Users, f.ledger = nil, harness.NewLedger()
	f.AddUsers(5)
	srv := f.StartServer()
	code := f.Users[0].Code
	f.Load(f.t.Context(), srv.Address, 2, f.Users[1:], func(int) string { return code }, f.ledger)
	srv.Stop()
	if r := f.check(); r.Acknowledged != 4 || r.Attributions != 4 {
		f.t.Fatalf("after kill %d, seed %d: %d of 4 attributions: %v", f.kills, *seed, r.Attributions, f.ledger.Answers())
	}
	return 4
}
