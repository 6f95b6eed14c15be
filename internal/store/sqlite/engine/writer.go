package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// slowCommit is how long a commit takes on a disk that is of no use, though each one succeeds in the end: live
// callers have given up by then.
const slowCommit = time.Second

// writer is the one goroutine that writes, with the one connection that can. Only that goroutine uses its
// fields. It has no timer: a function alone is committed at once; what arrives during a commit shares the next one.
type writer struct {
	db     *DB
	conn   *Conn            // nil if the database could not be reopened
	files  *files           // of the latest opening
	failed error            // why no transaction is tried; nil if the database is ok
	retry  <-chan time.Time // when the recovery is tried next
	wal    backlog
	done   chan struct{}
}

// Commit describes one transaction of Write.
type Commit struct {
	Functions int           // how many shared it
	Took      time.Duration // from asking for the write lock until it was durable or failed
	Err       error         // if set, nothing of it was kept
}

func (db *DB) startWriter() error {
	w := &writer{db: db, done: make(chan struct{})}
	if err := w.open(); err != nil {
		return err
	}
	if db.opt.Recover {
		if err := w.conn.emptyWAL(0); err != nil && !errors.Is(err, errWALBusy) {
			w.fail(err)
		}
	}
	db.writer = w
	go w.loop()
	go db.watch()
	return nil
}

func (w *writer) loop() {
	defer close(w.done)
	batch := make([]*call, 0, w.db.opt.BatchSize)
	for {
		select {
		case <-w.db.closed:
			for _, c := range claim(gather(w.db.writes, make([]*call, 0, maxQueue))) {
				c.answer(ErrClosed)
			}
			return
		case <-w.retry:
			w.recover()
		case c := <-w.db.alone:
			c.answer(w.transaction(c.ctx, func() error { return w.runAll([]*call{c}) }))
			w.checkpoint()
		case c := <-w.db.writes:
			w.commit(gather(w.db.writes, append(batch, c)))
			w.checkpoint()
		}
	}
}

// commit runs a batch in one transaction and answers after the commit. A function that fails must not
// fail its neighbors: the batch is rolled back and each runs alone.
func (w *writer) commit(batch []*call) {
	claimed := false
	err := w.observed(&batch, func() error {
		// With the write lock held: a caller that gave up while another process held the lock has put
		// its function elsewhere.
		batch, claimed = claim(batch), true
		return w.runAll(batch)
	})
	if !claimed {
		batch = claim(batch)
	}
	var one *callError
	retry := len(batch) > 1 && errors.As(err, &one)
	for _, c := range batch {
		if retry {
			alone := []*call{c}
			err = w.observed(&alone, func() error { return w.runAll(alone) })
		}
		c.answer(err)
	}
}

// callError is an error of one function, as opposed to one of the transaction as a whole.
type callError struct{ error }

func (e *callError) Unwrap() error { return e.error }

func (w *writer) runAll(batch []*call) error {
	for _, c := range batch {
		if err := c.run(w.conn); err != nil {
			return &callError{err}
		}
	}
	return nil
}

// observed is transaction for a batch. The batch is counted afterwards, because some callers may have given up
// before the lock was there.
func (w *writer) observed(batch *[]*call, f func() error) error {
	began := w.db.opt.Now()
	err := w.transaction(context.Background(), f)
	if err != nil || len(*batch) > 0 {
		w.db.opt.Observe(Commit{Functions: len(*batch), Took: w.db.opt.Now().Sub(began), Err: err})
	}
	return err
}

// transaction runs f between BEGIN IMMEDIATE and COMMIT and returns nil once its rows are durable in the files
// that have the database's names.
func (w *writer) transaction(ctx context.Context, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := w.ready(); err != nil {
		return err
	}
	var took time.Duration
	err := w.begin(ctx)
	if err == nil {
		if err = f(); err == nil {
			began := w.db.opt.Now()
			_, err = w.conn.Exec("COMMIT")
			took = w.db.opt.Now().Sub(began)
		}
		if err != nil {
			_, _ = w.conn.Exec("ROLLBACK") // after some errors SQLite has rolled back already
		}
	}
	if err == nil {
		err = w.db.checkFiles()
	}
	if err == nil && took >= slowCommit {
		w.db.health.suspect(errSlowCommit)
		return nil
	}
	w.judge(err)
	return err
}

const (
	// maxLockWait is how long the writer waits for a lock of another process. Live callers have given up
	// long before; this bounds the wait of commands.
	maxLockWait = 30 * time.Second
	// lockPoll is shorter than the pause of a bulk writer, so a process between two batches lets others in.
	lockPoll = time.Millisecond
)

// begin takes the write lock.
func (w *writer) begin(ctx context.Context) error {
	limit := time.After(maxLockWait)
	for {
		_, err := w.conn.Exec("BEGIN IMMEDIATE")
		if !isBusy(err) {
			return err
		}
		w.db.health.note(ErrLocked) // from the first try on: readiness must not wait for the last
		select {
		case <-limit:
			return fmt.Errorf("%w for more than %s: try again when it is done", ErrLocked, maxLockWait)
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrLocked, ctx.Err())
		case <-w.db.Lost():
			return w.db.Err()
		case <-w.db.closed:
			return ErrClosed
		case <-time.After(lockPoll):
		}
	}
}

// ready returns nil if the connection may be trusted with a transaction. One that met a damaged page is
// replaced: its cache would keep the page after the disk is repaired.
func (w *writer) ready() error {
	if err := w.db.Err(); err != nil {
		return err
	}
	if w.failed != nil || !w.conn.spoiled {
		return w.failed
	}
	old := w.conn
	if err := w.open(); err != nil {
		w.fail(err)
		return err
	}
	old.discard()
	return nil
}

// judge learns from how a transaction ended.
func (w *writer) judge(err error) {
	if errors.Is(err, errUnseen) || isFailure(err) {
		w.fail(err)
		return
	}
	if err == nil || isFull(err) || IsDamage(err) {
		w.db.opt.Report(err, isFull(err))
	}
	var one *callError
	if !errors.As(err, &one) { // one bad row says nothing about the disk
		w.db.health.note(err)
	}
}
