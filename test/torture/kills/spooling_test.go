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
// the way, until what the kills left is drained in peace.
func TestKilledWhileDraining(t *testing.T) {
	rounds, kills, crowd := harness.Scale(2, 6), 4, 1500
	a := newAttack(t, rounds*crowd, impatient)
	for range rounds {
		people := a.crowd(crowd)
		a.fill(people)
		for kill := range kills {
			if kill%2 == 0 {
				srv := a.Serve()
				a.moment(80 * time.Millisecond)
				a.kill(srv)
			} else {
				a.killCommand(a.within(120*time.Millisecond), "referral", "replay")
			}
		}
		a.recover(people).Stop()
	}
	if a.hits["left_spool"] == 0 {
		t.Error("no kill left anything in the spool: this run proves nothing")
	}
	a.figures("draining", a.Serve())
}

// fill puts attempts of the people into the spool: of most of them, for on a busy machine the deadline
// may end before the session of one has been looked up.
func (a *attack) fill(people []harness.Person) {
	a.t.Helper()
	srv := a.Serve()
	free := a.lock()
	_, before := a.ledger.Count("internal_error")
	a.Load(a.t.Context(), srv.Address, 128, people, a.code, a.ledger)
	if _, now := a.ledger.Count("internal_error"); now-before < len(people)/2 {
		a.t.Fatalf("%d of %d attempts went to the spool: %v", now-before, len(people), a.ledger.Answers())
	}
	srv.Kill() // a server that stops in good order would try to drain
	free()
}
