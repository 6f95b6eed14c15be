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

// loadHalf starts a load in which every user calls twice. It returns once a random part of it is
// answered.
func (f *fixture) loadHalf(srv *harness.Server, conns int, users []harness.User) (over <-chan struct{}) {
	f.t.Helper()
	_, before := f.ledger.Count("attributed")
	over = f.load(srv, conns, twice(users))
	f.waitAnswers("attributed", before, f.rng.IntN(len(users)), over)
	return over
}

func TestKillDuringCommit(t *testing.T) {
	kills, n := harness.Scale(6, 60), 300
	f := newFixture(t, kills*n)
	srv := f.StartServer()
	for f.nextRound(kills, "in_commit") {
		users := f.newUsers(n)
		over := f.loadHalf(srv, 64, users)
		f.pause(5 * time.Millisecond)
		f.kill(srv)
		<-over
		srv = f.restart(users)
	}
	f.finish("commit", srv)
}

func TestKillDuringCheckpoint(t *testing.T) {
	kills, n := harness.Scale(3, 20), 700
	f := newFixture(t, kills*n)
	srv := f.StartServer()
	for f.nextRound(kills, "in_checkpoint") {
		users := f.newUsers(n)
		// Few connections make small batches, so the WAL reaches 1,000 pages sooner.
		over := f.load(srv, 2, twice(users))
		f.waitCheckpoint(over)
		f.kill(srv)
		<-over
		srv = f.restart(users)
	}
	f.finish("checkpoint", srv)
}

// waitCheckpoint returns while a checkpoint is running, or at the end of the load.
func (f *fixture) waitCheckpoint(over <-chan struct{}) {
	f.t.Helper()
	index, err := os.Open(f.Database + "-shm")
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = index.Close() }()
	poll := time.NewTicker(20 * time.Microsecond)
	defer poll.Stop()
	for !checkpointRunning(index) {
		select {
		case <-over:
			return
		case <-poll.C:
		}
	}
}

func TestKillDuringShutdown(t *testing.T) {
	kills, n := harness.Scale(2, 10), 300
	f := newFixture(t, kills*n)
	srv := f.StartServer()
	for f.nextRound(kills, "in_shutdown") {
		users := f.newUsers(n)
		over := f.loadHalf(srv, 64, users)
		srv.Signal(syscall.SIGTERM)
		f.pause(40 * time.Millisecond)
		srv.Kill()
		f.countShutdownKill(srv)
		<-over
		srv = f.restart(users)
	}
	f.finish("shutdown", srv)
}

// countShutdownKill counts a kill after SIGTERM. The last process that closes the database deletes the
// WAL. So if there is no WAL, the server had ended and nothing was killed.
func (f *fixture) countShutdownKill(srv *harness.Server) {
	f.t.Helper()
	_, err := os.Stat(f.Database + "-wal")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.hits["too_late"]++
		return
	case err != nil:
		f.t.Fatal(err)
	}
	f.countKill()
	if strings.Contains(srv.Log(), "stopping") {
		f.hits["in_shutdown"]++
	}
}
