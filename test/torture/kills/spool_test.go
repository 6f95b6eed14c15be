package kills

import (
	"errors"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

// shortDeadline makes attempts go to the spool soon.
const shortDeadline = "referral: {deadline: 40ms}"

// lock takes SQLite's write lock as another process would.
func (f *fixture) lock() (unlock func()) {
	f.t.Helper()
	db := f.Open()
	conn, err := db.Conn(f.t.Context())
	if err == nil {
		_, err = conn.ExecContext(f.t.Context(), "BEGIN IMMEDIATE")
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return func() {
		f.t.Helper()
		if err := errors.Join(conn.Close(), db.Close()); err != nil { // ends the transaction
			f.t.Fatal(err)
		}
	}
}

func TestKillDuringSpooling(t *testing.T) {
	kills, n := harness.Scale(6, 20), 200
	f := newFixture(t, kills*n, shortDeadline)
	srv := f.StartServer()
	for kill := range kills {
		users := f.newUsers(n)
		unlock := f.lock()
		_, before := f.ledger.Count("internal_error")
		over := f.load(srv, 64, users)
		f.waitAnswers("internal_error", before, 1+f.rng.IntN(n*3/4), over)
		if kill%3 == 0 { // the other kills come right after an answer
			f.pause(30 * time.Millisecond)
		}
		f.kill(srv)
		<-over
		unlock()
		srv = f.restart(users)
	}
	if _, n := f.ledger.Count("internal_error"); n == 0 {
		t.Error("no attempt was spooled: this run proves nothing")
	}
	f.finish("spooling", srv)
}

// TestKillDuringDrain kills the server and the command in turn while they drain. The first kill of a round
// comes right after the first commit of a drain, so one kill interrupts a drain on any machine: half of
// the users are more than the 1,024 attempts of one commit.
func TestKillDuringDrain(t *testing.T) {
	rounds, kills, n := harness.Scale(2, 6), 4, 2200
	f := newFixture(t, rounds*n, shortDeadline)
	for f.nextRound(rounds, "half_drained") {
		before := f.called
		users := f.newUsers(n)
		spooled := f.fillSpool(users)
		for kill := range kills {
			f.killDrain(kill)
			if n := f.countInCopy("SELECT count(*) FROM attributions") - before; 0 < n && n < spooled {
				f.hits["half_drained"]++
			}
		}
		f.restart(users).Stop()
	}
	f.finish("drain", f.StartServer())
}

// killDrain kills the draining server, or in turn the command.
func (f *fixture) killDrain(kill int) {
	f.t.Helper()
	if kill%2 == 1 {
		f.killCommand(f.within(120*time.Millisecond), "referral", "replay")
		return
	}
	wait := f.within(80 * time.Millisecond)
	if kill == 0 {
		wait = f.afterCommit(10 * time.Millisecond)
	}
	srv := f.StartServer()
	wait()
	f.kill(srv)
}

// fillSpool spools attempts of the users and returns how many. It is not all of them: on a busy machine
// the deadline may end before the session is looked up.
func (f *fixture) fillSpool(users []harness.User) (spooled int) {
	f.t.Helper()
	srv := f.StartServer()
	unlock := f.lock()
	_, before := f.ledger.Count("internal_error")
	f.Load(f.t.Context(), srv.Address, 128, users, f.code, f.ledger)
	_, now := f.ledger.Count("internal_error")
	if spooled = now - before; spooled < len(users)/2 {
		f.t.Fatalf("%d of %d attempts were spooled: %v", spooled, len(users), f.ledger.Answers())
	}
	srv.Kill() // SIGTERM would drain the spool
	unlock()
	return spooled
}
