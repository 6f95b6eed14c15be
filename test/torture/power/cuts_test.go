package power

import (
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
	"github.com/triport/triport-console/test/torture/lossyfs"
)

// callers is how many people call between two cuts.
const callers = 120

// TestNothingAcknowledgedIsLostToAPowerCut cuts at random moments of all that a server does.
func TestNothingAcknowledgedIsLostToAPowerCut(t *testing.T) {
	cuts := harness.Scale(20, 200)
	h := newHouse(t, 1+cuts*callers)
	defer h.figures("cuts", &h.worst.Acknowledged)
	moments := []func(){h.whileCommitting, h.whileCheckpointing, h.whileSpooling, h.whileDraining}
	for i := range cuts {
		moments[i%len(moments)]()
		h.check()
	}
}

func (h *house) whileCommitting() {
	frozen := h.Disk.FreezeAfter(h.Rng.IntN(700))
	h.cut(lossyfs.Drawn, frozen, h.load(callers))
}

// whileCheckpointing has another program checkpoint without a pause, and cuts at an operation on the
// database file itself: nothing but checkpoints touches it.
func (h *house) whileCheckpointing() {
	beside := startBeside(h.T, checkpointer, h.Database)
	n := h.Rng.IntN(60)
	frozen := h.Disk.FreezeWhen(func(op lossyfs.Op, name string) bool {
		if name == "triport.db" && (op == lossyfs.Write || op == lossyfs.Sync) {
			n--
		}
		return n < 0
	})
	h.cut(lossyfs.Drawn, frozen, h.load(callers), beside)
}

// whileSpooling has another program hold the write lock, so that every attempt goes to the spool.
func (h *house) whileSpooling() {
	beside := startBeside(h.T, holder, h.Database)
	n := h.Rng.IntN(25)
	frozen := h.Disk.FreezeWhen(func(op lossyfs.Op, name string) bool {
		if lossyfs.SpoolFile(name) && op != lossyfs.Look && op != lossyfs.Read {
			n--
		}
		return n < 0
	})
	h.cut(lossyfs.Drawn, frozen, h.load(callers), beside)
}

// whileDraining lets the lock go when attempts wait, and cuts while they are replayed and others are
// committed or spooled.
func (h *house) whileDraining() {
	beside := startBeside(h.T, holder, h.Database)
	before := h.spooled()
	loaded := h.load(callers)
	h.internalErrors(before, callers/4)
	beside.Kill()
	frozen := h.Disk.FreezeAfter(h.Rng.IntN(400))
	h.cut(lossyfs.Drawn, frozen, h.drained(loaded, frozen))
}

// drained is closed when the load is over and its attempts are drained, or the disk froze before.
func (h *house) drained(loaded, frozen <-chan struct{}) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-loaded
		for h.Waiting() {
			select {
			case <-frozen:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return done
}

// TestAnAnswerIsDurableWhenItLeaves cuts right after an answer, and of what was not fsynced nothing
// survives.
func TestAnAnswerIsDurableWhenItLeaves(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 200)
	defer h.figures("answers", &h.worst.Acknowledged)
	for range harness.Scale(2, 8) {
		<-h.load(20)
		h.cut(lossyfs.Nothing, nil, closed)
		h.check()
	}
}

// TestACheckpointWhoseFsyncFailsLosesNothing has a reader hold up a checkpoint, which then copies a part of the
// log into the database and leaves the fsync to the next one; that fsync fails, once, and takes both
// parts with it. The next fsync of the same file succeeds: whoever believes it, or goes on where the first
// checkpoint ended, and deletes the log, has lost the first part.
func TestACheckpointWhoseFsyncFailsLosesNothing(t *testing.T) {
	t.Parallel()
	rounds := harness.Scale(3, 12)
	const most = 500 // calls until a checkpoint
	h := newHouse(t, 1+rounds*(100+2*most))
	defer h.figures("failed fsync", &h.worst.Acknowledged)
	for range rounds {
		<-h.load(100)
		beside := startBeside(t, reader, h.Database)
		h.loadUntil(most, h.strike(lossyfs.Fault{Ops: []lossyfs.Op{lossyfs.Write}}))
		failed := h.strike(lossyfs.Fault{Ops: []lossyfs.Op{lossyfs.Sync}, Err: syscall.EIO})
		beside.Kill()
		h.loadUntil(most, failed)
		harness.Until(t, "the store is mended", h.attributes)
		harness.Until(t, "the spool is drained", func() bool { return !h.Waiting() })
		h.cut(lossyfs.Nothing, nil, closed)
		h.check()
	}
}

// strike has the next operation of that kind on the database file itself meet a fault, and no other. The
// channel is closed then.
func (h *house) strike(f lossyfs.Fault) (struck <-chan struct{}) {
	c := make(chan struct{})
	var once sync.Once
	f.Of = func(name string) (is bool) {
		if name == "triport.db" {
			once.Do(func() { is = true; close(c) })
		}
		return is
	}
	h.T.Cleanup(h.Disk.Inject(f))
	return c
}

// loadUntil lets people call, n at most, until the channel is closed.
func (h *house) loadUntil(n int, over <-chan struct{}) {
	h.T.Helper()
	for last := h.next + n; h.next < last; {
		select {
		case <-over:
			return
		default:
			<-h.load(20)
		}
	}
	h.T.Fatalf("%d calls did not bring a checkpoint: %v\n%s", n, h.ledger.Answers(), h.srv.Log())
}

// attributes tells whether the next who calls is attributed.
func (h *house) attributes() bool {
	_, before := h.ledger.Count("attributed")
	<-h.load(1)
	_, after := h.ledger.Count("attributed")
	return after > before
}

// closed is a load that is over.
var closed = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// TestTheFirstAttemptInTheSpoolOutlivesACut needs the fsync of the new file and the one of its name.
func TestTheFirstAttemptInTheSpoolOutlivesACut(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 200)
	defer h.figures("spool", &h.worst.Waited)
	for range harness.Scale(2, 8) {
		beside := startBeside(t, holder, h.Database)
		before := h.spooled()
		<-h.load(16)
		h.internalErrors(before, 16)
		h.cut(lossyfs.Nothing, nil, closed, beside)
		h.check()
	}
}

// TestANewSpoolNeverTakesThePlaceOfTheOneBeingDrained cuts when the next spool has just got its name, and
// that name survives. The segment's own must have been durable before.
func TestANewSpoolNeverTakesThePlaceOfTheOneBeingDrained(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 400)
	defer h.figures("segments", &h.worst.Waited)
	for range harness.Scale(2, 8) {
		beside := startBeside(t, holder, h.Database)
		before := h.spooled()
		<-h.load(16)
		h.internalErrors(before, 16)
		harness.Until(t, "a segment is cut off", func() bool { _, there := h.Disk.Sizes()["triport.db.spool.1"]; return there })
		frozen := h.Disk.FreezeWhen(func(op lossyfs.Op, name string) bool {
			return op == lossyfs.Create && name == "triport.db.spool"
		})
		h.cut(lossyfs.Newest, frozen, h.load(16), beside)
		h.check()
	}
}
