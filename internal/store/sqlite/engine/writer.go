package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// writer is the one goroutine that writes. It has no timer: what arrives during a commit shares the next one.
type writer struct {
	db     *DB
	conn   *Conn            // nil if the database could not be reopened
	files  *files           // of the latest opening
	failed error            // why no transaction is tried; nil if ok
	retry  <-chan time.Time // when the recovery is tried next
	wal    backlog
	done   chan struct{}
}

// Commit describes one transaction of Write.
type Commit struct {
	Functions int           // how many shared it
	Took      time.Duration // with the wait for the write lock
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
	batch := make([]*call, 0, cmp.Or(w.db.opt.BatchSize, 256))
	for {
		select {
		case <-w.db.closed:
			for _, c := range take(gather(w.db.writes, make([]*call, 0, maxQueue))) {
				c.answer(ErrClosed)
			}
			return
		case <-w.retry:
			w.recover()
		case c := <-w.db.alone:
			c.answer(w.transaction(c.ctx, []*call{c}))
			w.checkpoint()
		case c := <-w.db.writes:
			w.commit(gather(w.db.writes, append(batch, c)))
			w.checkpoint()
		}
	}
}

// commit runs a batch in one transaction. A function that fails must not fail its neighbors: then each runs alone.
func (w *writer) commit(batch []*call) {
	began := w.db.opt.Now()
	err := w.transaction(context.Background(), batch)
	batch = take(batch) // counted after the lock: some callers may have given up
	if w.db.opt.Observe != nil && (err != nil || len(batch) > 0) {
		w.db.opt.Observe(Commit{Functions: len(batch), Took: w.db.opt.Now().Sub(began), Err: err})
	}
	var one *callError
	retry := len(batch) > 1 && errors.As(err, &one)
	for i, c := range batch {
		if retry {
			w.commit(batch[i : i+1])
		} else {
			c.answer(err)
		}
	}
}

// callError is an error of one function, not of its transaction.
type callError struct{ error }

// OfOneCall marks an error that concerns one function, as those of its own are marked by Write.
func OfOneCall(err error) error { return &callError{err} }

// Isolated reports whether other functions may succeed: what failed is a row or a page, not the database.
func (e *callError) Isolated() bool {
	k := kindOf(e.error)
	return k == other || k == damaged || k == constraint
}

// Unwrap returns the function's error.
func (e *callError) Unwrap() error { return e.error }

// slowCommit means a disk that is too slow: live callers give up earlier.
const slowCommit = time.Second

// transaction returns nil once the rows are durable in the files that have the database's names.
func (w *writer) transaction(ctx context.Context, batch []*call) error {
	err := cmp.Or(ctx.Err(), w.ready())
	if err != nil {
		return err
	}
	var took time.Duration
	if err = w.begin(ctx); err == nil {
		if took, err = w.runAndCommit(batch); err != nil {
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

// runAndCommit skips calls whose callers gave up: they have put their functions elsewhere.
func (w *writer) runAndCommit(batch []*call) (took time.Duration, err error) {
	for _, c := range batch {
		if !c.take() {
			continue
		}
		if err := c.run(w.conn); err != nil {
			return 0, &callError{err}
		}
	}
	began := w.db.opt.Now()
	_, err = w.conn.Exec("COMMIT")
	return w.db.opt.Now().Sub(began), err
}

const (
	// maxLockWait is for commands. Live callers give up long before.
	maxLockWait = 30 * time.Second
	// lockPoll is shorter than bulkPause: a bulk writer lets others in.
	lockPoll = time.Millisecond
)

func (w *writer) begin(ctx context.Context) error {
	limit := time.After(maxLockWait)
	for {
		_, err := w.conn.Exec("BEGIN IMMEDIATE")
		if kindOf(err) != busy {
			return err
		}
		w.db.health.note(ErrLocked) // at once: readiness must not wait for the last try
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

// ready replaces a connection that met a damaged page: its cache would keep the page after the disk is repaired.
func (w *writer) ready() error {
	if err := cmp.Or(w.db.Err(), w.failed); err != nil || !w.conn.spoiled {
		return err
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
	if isFailure(err) {
		w.fail(err)
		return
	}
	if k := kindOf(err); err == nil || k == full || k == damaged {
		w.db.opt.Report(err, k == full)
	}
	var one *callError
	if !errors.As(err, &one) { // one bad row says nothing about the disk
		w.db.health.note(err)
	}
}
