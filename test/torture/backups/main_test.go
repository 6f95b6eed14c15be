// Package backups loses the database and restores it, under real load.
//
//	test                             does                                   promise
//	TestABackupUnderLoadIsWhole      `db backup` again and again beside a   the copy passes db check and verify, and
//	                                 server under load                      holds all that was acknowledged before it
//	                                                                        began; it serves in the lost one's place
//	TestLitestreamBringsItBack       kills the server and Litestream,       all that was acknowledged more than
//	                                 wipes the disk, restores the replica   maxLoss before is there, the rest is
//	                                                                        attributed when the callers come again
//
// The first stands on the copy being of one moment and getting its name when it is whole. The second is
// about Litestream as much as about the program: a replica follows the database, so that the newest
// rows are lost with the disk. How many is measured and printed, and so is how long the WAL gets, for
// Litestream keeps SQLite from emptying it.
package backups

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// house is a site whose people call at a steady pace, and when each was told that they are linked.
type house struct {
	*harness.Site
	t      *testing.T
	ledger *harness.Ledger
	called int // how many of the people have called by now; the first is whom they name

	mu   sync.Mutex
	told map[string]time.Time // invitee → when
}

func newHouse(t *testing.T, people int) *house {
	t.Helper()
	h := &house{Site: harness.NewSite(t, t.TempDir()), t: t, ledger: harness.NewLedger(), called: 1, told: make(map[string]time.Time)}
	h.Populate(1 + people)
	return h
}

// calls has the people who have not called yet call, perSecond of them, until stop or until the server
// is gone.
func (h *house) calls(srv *harness.Server, perSecond int) (stop func()) {
	ctx, cancel := context.WithCancel(h.t.Context())
	pace := time.NewTicker(time.Second / time.Duration(perSecond))
	next := make(chan harness.Person)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(next)
		defer pace.Stop()
		for ; h.called < len(h.People); h.called++ {
			select {
			case <-pace.C:
			case <-ctx.Done():
				return
			}
			select {
			case next <- h.People[h.called]:
			case <-ctx.Done():
				return
			}
		}
	})
	client := harness.NewClient(callers)
	for range callers {
		wg.Go(func() {
			for p := range next {
				if !h.call(client, srv, p) {
					cancel()
				}
			}
		})
	}
	return func() { cancel(); wg.Wait(); client.Close() }
}

// callers is how many call at the same time.
const callers = 16

// call makes one call and remembers its answer. A call under way is not interrupted: it would be one
// more whose outcome nobody knows.
func (h *house) call(client *harness.Client, srv *harness.Server, p harness.Person) (answered bool) {
	code := h.People[0].Code
	h.ledger.Sent(p, code)
	a, err := client.Attribute(context.WithoutCancel(h.t.Context()), srv.Address, p, code)
	if err != nil {
		return false
	}
	h.ledger.Answered(p, code, a)
	if a.Attributed {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.told[p.ID] = time.Now()
	}
	return true
}

// toldBy returns who was told by then that they are linked.
func (h *house) toldBy(then time.Time) (invitees []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for invitee, at := range h.told {
		if !at.After(then) {
			invitees = append(invitees, invitee)
		}
	}
	return invitees
}

// linked returns the invitees that a database has, after the program's own checks of it.
func (h *house) linked(database string) map[string]bool {
	h.t.Helper()
	for _, args := range [][]string{{"db", "check"}, {"referral", "verify"}} {
		if _, err := h.Run(nil, append(args, "--database", database)...); err != nil {
			h.t.Fatalf("what was restored is not sound: %v", err)
		}
	}
	s := *h.Site
	s.Database = database
	db := s.Open()
	defer func() { _ = db.Close() }()
	rows, err := db.Query(`SELECT invitee_id FROM attributions`)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	found := make(map[string]bool)
	for rows.Next() {
		var invitee string
		if err := rows.Scan(&invitee); err != nil {
			h.t.Fatal(err)
		}
		found[invitee] = true
	}
	if err := rows.Err(); err != nil {
		h.t.Fatal(err)
	}
	return found
}

// sound holds the store against what was acknowledged.
func (h *house) sound() harness.Verdict {
	h.t.Helper()
	v := h.Check(h.ledger, true)
	if v.Bad() {
		h.t.Errorf("%d lost, %d doubled, unsound: %q", len(v.Lost), len(v.Doubled), v.Unsound)
	}
	return v
}
