package power

import (
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
	"github.com/triport/triport-console/test/torture/lossyfs"
)

// callsPerCut is the number of calls between two cuts.
const callsPerCut = 120

func TestPowerCutLosesNoAcknowledgedAttribution(t *testing.T) {
	cuts := harness.Scale(20, 200)
	f := newFixture(t, 1+cuts*callsPerCut)
	defer f.figures("cuts", &f.total.Acknowledged)
	moments := []func(){f.cutDuringCommit, f.cutDuringCheckpoint, f.cutDuringSpooling, f.cutDuringDrain}
	for i := range cuts {
		moments[i%len(moments)]()
		f.check()
	}
}

func (f *fixture) cutDuringCommit() {
	frozen := f.Disk.FreezeAfter(f.Rng.IntN(700))
	f.cut(lossyfs.Random, frozen, f.load(callsPerCut))
}

// cutDuringCheckpoint lets another process checkpoint without a pause. It cuts at an operation on the
// database file itself: only checkpoints write it.
func (f *fixture) cutDuringCheckpoint() {
	client := startClient(f.T, checkpointer, f.Database)
	n := f.Rng.IntN(60)
	frozen := f.Disk.FreezeWhen(func(op lossyfs.Op, name string) bool {
		if name == "triport.db" && (op == lossyfs.Write || op == lossyfs.Sync) {
			n--
		}
		return n < 0
	})
	f.cut(lossyfs.Random, frozen, f.load(callsPerCut), client)
}

// cutDuringSpooling lets another process hold the write lock, so every attempt is spooled.
func (f *fixture) cutDuringSpooling() {
	client := startClient(f.T, lockHolder, f.Database)
	n := f.Rng.IntN(25)
	frozen := f.Disk.FreezeWhen(func(op lossyfs.Op, name string) bool {
		if harness.IsSpoolFile(name) && op != lossyfs.Look && op != lossyfs.Read {
			n--
		}
		return n < 0
	})
	f.cut(lossyfs.Random, frozen, f.load(callsPerCut), client)
}

// cutDuringDrain releases the lock once attempts are spooled. It cuts while they are replayed and others
// are committed or spooled.
func (f *fixture) cutDuringDrain() {
	client := startClient(f.T, lockHolder, f.Database)
	before := f.count("internal_error")
	over := f.load(callsPerCut)
	f.waitSpooled(before, callsPerCut/4)
	client.Kill()
	frozen := f.Disk.FreezeAfter(f.Rng.IntN(400))
	f.cut(lossyfs.Random, frozen, f.drained(over, frozen))
}

// drained returns a channel that is closed when the load is over and drained, or the disk froze before.
func (f *fixture) drained(over, frozen <-chan struct{}) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-over
		for f.Spooled() {
			select {
			case <-frozen:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return done
}

// The cut comes right after an answer, and only what was fsynced survives.
func TestAcknowledgementIsDurableWhenSent(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 200)
	defer f.figures("answers", &f.total.Acknowledged)
	for range harness.Scale(2, 8) {
		<-f.load(20)
		f.cut(lossyfs.LoseAll, nil, closed)
		f.check()
	}
}

// A reader delays a checkpoint: it copies a part of the WAL into the database and leaves the fsync to the
// next one. That fsync fails, once, and both parts are lost with it. The next fsync of the file succeeds.
// A program that trusts it, or continues where the first checkpoint ended, and deletes the WAL, has lost
// the first part.
func TestFailedFsyncOfCheckpointLosesNothing(t *testing.T) {
	t.Parallel()
	rounds := harness.Scale(3, 12)
	const maxCalls = 500 // until a checkpoint
	f := newFixture(t, 1+rounds*(100+2*maxCalls))
	defer f.figures("failed-fsync", &f.total.Acknowledged)
	for range rounds {
		<-f.load(100)
		client := startClient(t, reader, f.Database)
		f.loadUntil(maxCalls, f.injectOnce(lossyfs.Fault{Ops: []lossyfs.Op{lossyfs.Write}}))
		failed := f.injectOnce(lossyfs.Fault{Ops: []lossyfs.Op{lossyfs.Sync}, Err: syscall.EIO})
		client.Kill()
		f.loadUntil(maxCalls, failed)
		harness.WaitFor(t, "the database has recovered", f.attributesNext)
		f.WaitDrained()
		f.cut(lossyfs.LoseAll, nil, closed)
		f.check()
	}
}

// injectOnce injects a fault into the next operation of its kind on the database file itself, and into no
// other. The channel is closed then.
func (f *fixture) injectOnce(fault lossyfs.Fault) (injected <-chan struct{}) {
	c := make(chan struct{})
	var once sync.Once
	fault.Of = func(name string) (is bool) {
		if name == "triport.db" {
			once.Do(func() { is = true; close(c) })
		}
		return is
	}
	f.T.Cleanup(f.Disk.Inject(fault))
	return c
}

// loadUntil lets users call, at most n, until the channel is closed. One call at a time fills the WAL fastest: the
// calls of a batch change the same pages.
func (f *fixture) loadUntil(n int, stop <-chan struct{}) {
	f.T.Helper()
	for last := f.next + n; f.next < last; {
		select {
		case <-stop:
			return
		default:
			<-f.load(1)
		}
	}
	f.T.Fatalf("no checkpoint within %d calls: %v\n%s", n, f.ledger.Answers(), f.srv.Log())
}

// attributesNext reports whether the next call is attributed.
func (f *fixture) attributesNext() bool {
	before := f.count("attributed")
	<-f.load(1)
	return f.count("attributed") > before
}

// closed is a load that is over.
var closed = func() <-chan struct{} { c := make(chan struct{}); close(c); return c }()

// This needs the fsync of the new file and the fsync of its name.
func TestFirstSpooledAttemptSurvivesPowerCut(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 200)
	defer f.figures("spool", &f.total.FromSpool)
	for range harness.Scale(2, 8) {
		client := f.spoolBehindLock()
		f.cut(lossyfs.LoseAll, nil, closed, client)
		f.check()
	}
}

// The cut comes when the next spool has just got its name, and that name survives. So the name of the
// segment must have been durable before.
func TestNewSpoolNeverReplacesSegmentBeingDrained(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 400)
	defer f.figures("segments", &f.total.FromSpool)
	for range harness.Scale(2, 8) {
		client := f.spoolBehindLock()
		harness.WaitFor(t, "the spool is renamed to a segment", func() bool { _, found := f.Disk.Sizes()["triport.db.spool.1"]; return found })
		frozen := f.Disk.FreezeWhen(func(op lossyfs.Op, name string) bool {
			return op == lossyfs.Create && name == "triport.db.spool"
		})
		f.cut(lossyfs.KeepNewest, frozen, f.load(16), client)
		f.check()
	}
}

// spoolBehindLock spools 16 attempts while another process holds the write lock.
func (f *fixture) spoolBehindLock() *sqliteClient {
	client := startClient(f.T, lockHolder, f.Database)
	before := f.count("internal_error")
	<-f.load(16)
	f.waitSpooled(before, 16)
	return client
}
