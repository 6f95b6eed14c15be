package sqlite

import (
	"context"
	"errors"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

const (
	// mendEvery is how often a sick store is tried. Each try costs a few system calls while the disk
	// is sick, and what waits meanwhile waits in the spool.
	mendEvery = 250 * time.Millisecond
	// mendWait bounds how long a reader waits for the writer to look after the store, and the writer
	// for the readers to end.
	mendWait = time.Second
	// tellEvery is how often the log tells of damage.
	tellEvery = time.Minute
)

// sickness is what the writer knows of a store that cannot be trusted with a transaction.
type sickness struct {
	cause error            // nil while the store is well
	next  time.Time        // when it is tried again
	retry <-chan time.Time // wakes the writer at that time, though nobody asks for anything
	calls chan chan error  // from readers that want the store looked after
	told  string           // what the log says to do about it; empty when it says that all is well
	last  time.Time        // when something failed that the log told of
	// damage is when the log told last of something that could not be read.
	damage time.Time
}

// ready returns nil when the connection may be trusted with a transaction, after mending what can be
// mended.
func (w *writer) ready() error {
	if w.sick.cause == nil && !w.conn.spoiled {
		return nil
	}
	return w.mend()
}

// judge learns from how a transaction ended. One bad row says nothing about the disk.
func (w *writer) judge(err error) {
	switch {
	case err == nil:
		w.tellWell()
	case isAway(err), isSick(err):
		w.fall(err)
	case isFull(err):
		w.tell(err)
	case isDamage(err):
		w.tellDamage(err)
	}
	var one *attemptError
	if !errors.As(err, &one) {
		w.store.health.note(err)
	}
}

// fall takes the writer out of service until it is mended.
func (w *writer) fall(err error) {
	w.sick.cause = err
	if w.sick.retry == nil {
		w.sick.retry = time.After(mendEvery)
	}
	w.store.health.note(err)
	w.tell(err)
}

// tell logs that the store is sick, once for each thing that an operator can do about it.
func (w *writer) tell(err error) {
	w.sick.last = time.Now()
	do := remedyFor(err)
	if w.sick.told == do {
		return
	}
	w.sick.told = do
	w.log.Error("the store is sick: attempts wait in the spool until it is well again, without a restart", "cause", err, "do", do)
}

// tellDamage logs that something could not be read, once in tellEvery: a single bad page fails the same
// attempt again and again, while all others pass.
func (w *writer) tellDamage(err error) {
	if time.Since(w.sick.damage) < tellEvery {
		return
	}
	w.sick.damage = time.Now()
	w.log.Error("the database is damaged: what needs the damaged part fails, and its attempts wait in the spool", "cause", err, "do", remedyFor(err))
}

// tellWell logs that the store is well. One that fails every now and then, on a disk that is almost
// full, is not.
func (w *writer) tellWell() {
	if w.sick.told == "" || time.Since(w.sick.last) < mendEvery {
		return
	}
	w.sick.told = ""
	w.log.Info("the store is well again")
}

// remedyFor says what an operator does about a sick store.
func remedyFor(err error) string {
	switch {
	case isFull(err):
		return "free space on the disk of the database"
	case errors.Is(err, errLogBusy), isBusy(err):
		return "wait for the other process that uses the database, or end it"
	case errors.Is(err, ErrOlderSchema), errors.Is(err, ErrNewerSchema), errors.Is(err, errLogReplaced):
		return "what the cause says"
	case errors.Is(err, errForeign):
		return "put the database, or a backup of it, in the place of that file"
	case errors.Is(err, errUnseen):
		return "let the user of this process into the folder of the database, and look at its disk"
	case errors.Is(err, ErrReplaced):
		return "put the database back, or a backup in its place"
	case isDamage(err):
		return "look at the disk, run db check, and restore a backup if it finds damage"
	case hasCode(err, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
		return "make the database and its folder writable for the user of this process"
	}
	return "look at the disk of the database, and at what the system's log says of it"
}

// attend mends the store when somebody found it replaced, or its time has come.
func (w *writer) attend() error {
	if w.sick.cause == nil {
		err := w.store.wholeInPlace()
		if err == nil {
			return nil
		}
		w.fall(err)
	}
	return w.mend()
}

// retry is attend at the time that was set for it.
func (w *writer) retry() {
	w.sick.retry, w.sick.next = nil, time.Time{}
	_ = w.attend() // the log has it
}

// recover begins the log anew when this is the only process: what a process before it left in the log
// may be in the system's cache only.
func (w *writer) recover() {
	err := w.conn.emptyLog()
	if err != nil && !errors.Is(err, errLogBusy) {
		w.fall(err)
	}
}

// close closes the connection. That of a sick store leaves the log alone, as leave does, and so does one
// whose log has lost its name: by that name SQLite would delete another's.
func (w *writer) close() error {
	if w.conn == nil {
		return nil
	}
	if w.sick.cause == nil && w.store.wholeInPlace() == nil {
		return w.conn.close()
	}
	if w.store.inPlace() == nil {
		if witness, err := openWitness(w.store.path); err == nil {
			defer witness.discard()
		}
	}
	w.conn.discard()
	return nil
}

// attended has the writer look after the store, and returns why it is not well.
func (w *writer) attended(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, mendWait)
	defer cancel()
	answer := make(chan error, 1)
	select {
	case w.sick.calls <- answer:
	case <-w.done:
		return ErrClosed
	case <-ctx.Done():
		return ErrReplaced
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ErrReplaced
	}
}
