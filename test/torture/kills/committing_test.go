package kills

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

// under starts a load and returns once a random part of it is answered; over is closed at its end.
func (a *attack) under(srv *harness.Server, conns int, people []harness.Person) (over <-chan struct{}) {
	a.t.Helper()
	_, before := a.ledger.Count("attributed")
	wait := a.load(srv, conns, twice(people))
	done := make(chan struct{})
	go func() { wait(); close(done) }()
	a.answered("attributed", before, a.dice.IntN(len(people)), done)
	return done
}

func TestKilledWhileCommitting(t *testing.T) {
	kills, crowd := harness.Scale(6, 60), 300
	a := newAttack(t, kills*crowd)
	srv := a.Serve()
	for a.goesOn(kills, "in_commit") {
		people := a.crowd(crowd)
		over := a.under(srv, 64, people)
		a.moment(5 * time.Millisecond)
		a.kill(srv)
		<-over
		srv = a.recover(people)
	}
	a.figures("committing", srv)
}

func TestKilledWhileCheckpointing(t *testing.T) {
	kills, crowd := harness.Scale(3, 20), 700
	a := newAttack(t, kills*crowd)
	srv := a.Serve()
	for a.goesOn(kills, "in_checkpoint") {
		people := a.crowd(crowd)
		// Few connections make small batches, which fill the WAL with a thousand pages soonest.
		wait := a.load(srv, 6, twice(people))
		over := make(chan struct{})
		go func() { wait(); close(over) }()
		a.seeCheckpoint(over)
		a.kill(srv)
		<-over
		srv = a.recover(people)
	}
	a.figures("checkpointing", srv)
}

// seeCheckpoint returns while a checkpoint is running, unless the load was over before there was one.
func (a *attack) seeCheckpoint(over <-chan struct{}) {
	a.t.Helper()
	index, err := os.Open(a.Database + "-shm")
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = index.Close() }()
	look := time.NewTicker(20 * time.Microsecond)
	defer look.Stop()
	for c := (checkpoints{index}); !c.running(); {
		select {
		case <-over:
			return
		case <-look.C:
		}
	}
}

func TestKilledWhileStopping(t *testing.T) {
	kills, crowd := harness.Scale(2, 10), 300
	a := newAttack(t, kills*crowd)
	srv := a.Serve()
	for a.goesOn(kills, "in_stop") {
		people := a.crowd(crowd)
		over := a.under(srv, 64, people)
		srv.Signal(syscall.SIGTERM)
		a.moment(40 * time.Millisecond)
		srv.Kill()
		a.killedStopping(srv)
		<-over
		srv = a.recover(people)
	}
	a.figures("stopping", srv)
}

// killedStopping notes what the kill of a server hit that was told to stop. Who closes the database last
// deletes the log of writes: without one, the server had ended, and nothing was killed.
func (a *attack) killedStopping(srv *harness.Server) {
	a.t.Helper()
	_, err := os.Stat(a.Database + "-wal")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		a.hits["too_late"]++
		return
	case err != nil:
		a.t.Fatal(err)
	}
	a.killed()
	if strings.Contains(srv.Log(), "stopping") {
		a.hits["in_stop"]++
	}
}
