package kills

import (
	"database/sql"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

// impatient makes attempts go to the spool soon.
const impatient = "referral: {deadline: 40ms}"

// lock takes the write lock as another process would; free gives it back.
func (a *attack) lock() (free func()) {
	a.t.Helper()
	db := a.Open()
	conn, err := db.Conn(a.t.Context())
	if err == nil {
		_, err = conn.ExecContext(a.t.Context(), "BEGIN IMMEDIATE")
	}
	if err != nil {
		a.t.Fatal(err)
	}
	return func() {
		a.t.Helper()
		if err := closeAll(conn, db); err != nil {
			a.t.Fatal(err)
		}
	}
}

// closeAll closes a connection, which ends its transaction, and the database.
func closeAll(conn *sql.Conn, db *sql.DB) error {
	if err := conn.Close(); err != nil {
		return err
	}
	return db.Close()
}

func TestKilledWhileSpooling(t *testing.T) {
	kills, crowd := harness.Scale(6, 20), 200
	a := newAttack(t, kills*crowd, impatient)
	srv := a.Serve()
	for kill := range kills {
		people := a.crowd(crowd)
		free := a.lock()
		_, before := a.ledger.Count("internal_error")
		wait := a.load(srv, 64, people)
		over := make(chan struct{})
		go func() { wait(); close(over) }()
		a.answered("internal_error", before, 1+a.dice.IntN(crowd*3/4), over)
		if kill%3 == 0 { // the others come right after an answer
			a.moment(30 * time.Millisecond)
		}
		a.kill(srv)
		<-over
		free()
		srv = a.recover(people)
	}
	if _, n := a.ledger.Count("internal_error"); n == 0 {
		t.Error("no attempt went to the spool: this run proves nothing")
	}
	a.figures("spooling", srv)
}

// TestKilledWhileDraining has a spool drained by the server and by the command in turn, each killed on
// the way, until what the kills left is drained in peace. The first kill of a round comes right after the
// first of a drain's commits, so that one finds a drain half-way on any machine: half of the crowd is more
// than the 1,024 attempts that share a commit.
func TestKilledWhileDraining(t *testing.T) {
	rounds, kills, crowd := harness.Scale(2, 6), 4, 2200
	a := newAttack(t, rounds*crowd, impatient)
	for a.goesOn(rounds, "half_drained") {
		before := a.called
		people := a.crowd(crowd)
		waiting := a.fill(people)
		for kill := range kills {
			a.killDrain(kill)
			if n := a.left("SELECT count(*) FROM attributions") - before; 0 < n && n < waiting {
				a.hits["half_drained"]++
			}
		}
		a.recover(people).Stop()
	}
	a.figures("draining", a.Serve())
}

// killDrain kills the server, or in turn the command, while it drains.
func (a *attack) killDrain(kill int) {
	a.t.Helper()
	if kill%2 == 1 {
		a.killCommand(a.within(120*time.Millisecond), "referral", "replay")
		return
	}
	wait := a.within(80 * time.Millisecond)
	if kill == 0 {
		wait = a.begun(10 * time.Millisecond)
	}
	srv := a.Serve()
	wait()
	a.kill(srv)
}

// fill puts attempts of the people into the spool and tells how many: most of them, for on a busy machine the
// deadline may end before the session of one has been looked up.
func (a *attack) fill(people []harness.Person) (waiting int) {
	a.t.Helper()
	srv := a.Serve()
	free := a.lock()
	_, before := a.ledger.Count("internal_error")
	a.Load(a.t.Context(), srv.Address, 128, people, a.code, a.ledger)
	_, now := a.ledger.Count("internal_error")
	if waiting = now - before; waiting < len(people)/2 {
		a.t.Fatalf("%d of %d attempts went to the spool: %v", waiting, len(people), a.ledger.Answers())
	}
	srv.Kill() // a server that stops in good order would try to drain
	free()
	return waiting
}
