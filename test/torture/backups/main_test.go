// Package backups loses the database and restores it, under load.
//
//	test                                  does                                promise
//	TestBackupUnderLoadIsComplete         `db backup` again and again while   the copy passes db check and verify, and
//	                                      a server works                      has all that was acknowledged before it
//	                                                                          began; it can replace the database
//	TestLitestreamRestoresAcknowledged…   kills the server and Litestream,    all that was acknowledged more than
//	                                      wipes the disk, restores the        maxLoss before the end is there; the
//	                                      replica                             rest is attributed if the users call again
//
// The first relies on the copy being one snapshot that gets its name once it is complete. The second tests
// Litestream as much as the program: a replica follows the database, so the newest rows are lost
// with the disk. The test prints how many, and the largest WAL: Litestream delays its checkpoint.
package backups

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// callers is the number of concurrent calls.
const callers = 16

// fixture is a site whose users call at a steady rate.
type fixture struct {
	*harness.Site
	t      *testing.T
	ledger *harness.Ledger
	called int // users who have called; the first only owns the code

	mu           sync.Mutex
	acknowledged map[string]time.Time // by invitee
}

func newFixture(t *testing.T, users int) *fixture {
	t.Helper()
	f := &fixture{Site: harness.NewSite(t, t.TempDir()), t: t, ledger: harness.NewLedger(), called: 1, acknowledged: make(map[string]time.Time)}
	f.AddUsers(1 + users)
	return f
}

// load lets users call who have not called, that many in a second, until stop or until the server is gone.
func (f *fixture) load(srv *harness.Server, perSecond int) (stop func()) {
	ctx, cancel := context.WithCancel(f.t.Context())
	pace := time.NewTicker(time.Second / time.Duration(perSecond))
	next := make(chan harness.User)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(next)
		defer pace.Stop()
		for ; f.called < len(f.Users); f.called++ {
			select {
			case <-pace.C:
			case <-ctx.Done():
				return
			}
			select {
			case next <- f.Users[f.called]:
			case <-ctx.Done():
				return
			}
		}
	})
	client := harness.NewClient(callers)
	for range callers {
		wg.Go(func() {
			for u := range next {
				if !f.call(client, srv, u) {
					cancel()
				}
			}
		})
	}
	return func() { cancel(); wg.Wait(); client.Close() }
}

// call makes one call and records its answer. It is never canceled: the outcome would be unknown.
func (f *fixture) call(client *harness.Client, srv *harness.Server, u harness.User) (answered bool) {
	code := f.Users[0].Code
	f.ledger.AddCall()
	a, err := client.Attribute(context.WithoutCancel(f.t.Context()), srv.Address, u, code)
	if err != nil {
		return false
	}
	f.ledger.AddAnswer(u, code, a)
	if a.Attributed {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.acknowledged[u.ID] = time.Now()
	}
	return true
}

// callAgain lets users call on a restored database and checks that all are attributed then, once.
func (f *fixture) callAgain(users []harness.User) (harness.CheckResult, *harness.Ledger) {
	f.t.Helper()
	srv, ledger, code := f.StartServer(), harness.NewLedger(), f.Users[0].Code
	f.Load(f.t.Context(), srv.Address, callers, users, func(int) string { return code }, ledger)
	srv.Stop()
	r := f.Check(ledger, true)
	if r.Failed() || r.Attributions != len(users) {
		f.t.Errorf("%d users called, %d are attributed: %v\n%s", len(users), r.Attributions, ledger.Answers(), r.Summary())
	}
	return r, ledger
}

// acknowledgedNow returns the invitees that have been acknowledged so far.
func (f *fixture) acknowledgedNow() (invitees []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for invitee := range f.acknowledged {
		invitees = append(invitees, invitee)
	}
	return invitees
}

// attributed checks a database with the program's commands and returns its invitees.
func (f *fixture) attributed(database string) map[string]bool {
	f.t.Helper()
	for _, args := range [][]string{{"db", "check"}, {"referral", "verify"}} {
		if _, err := f.Run(nil, append(args, "--database", database)...); err != nil {
			f.t.Fatalf("the restored database is not consistent: %v", err)
		}
	}
	s := *f.Site
	s.Database = database
	db := s.Open()
	defer func() { _ = db.Close() }()
	rows, err := db.Query(`SELECT u.id FROM attributions JOIN users u ON u.n = invitee`)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	found := make(map[string]bool)
	for rows.Next() {
		var invitee harness.ID
		if err := rows.Scan(&invitee); err != nil {
			f.t.Fatal(err)
		}
		found[string(invitee)] = true
	}
	if err := rows.Err(); err != nil {
		f.t.Fatal(err)
	}
	return found
}

// wipe removes all files in the directory of the database.
func (f *fixture) wipe() {
	f.t.Helper()
	entries, err := os.ReadDir(f.Dir)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(f.Dir, e.Name())); err != nil {
			f.t.Fatal(err)
		}
	}
}
