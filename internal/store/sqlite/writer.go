package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/triport/triport-console/internal/referral"
)

// maxQueue bounds the live attempts that wait for the writer. A full queue is two orders of magnitude
// more than a healthy disk leaves waiting: the disk hangs, and the spool is the better place.
const maxQueue = 8192

// writer is the one goroutine that writes, with the one connection that can. It has no timer: alone,
// an attempt is committed at once; what arrives during a commit shares the next one.
type writer struct {
	store    *Store
	conn     *conn
	log      *slog.Logger
	observe  func(Commit)
	batch    int
	attempts chan *pending
	tasks    chan *task
	sick     sickness
	// checkpointAt is how many pages the connection has written when the log is copied next.
	checkpointAt int
	quit         chan struct{}
	done         chan struct{}
}

// pending is a live attempt on its way through the writer.
type pending struct {
	attempt referral.Attempt
	rules   referral.Rules
	claimed atomic.Bool // by the writer that decides it, or by the caller that gave up on it
	outcome referral.Outcome
	err     error
	done    chan struct{}
}

// task is any other write: a transaction of its own.
type task struct {
	ctx  context.Context
	run  func(*conn) error
	done chan error
}

func (s *Store) startWriter(opt Options) (*writer, error) {
	c, p, err := openWriter(s.path)
	if err != nil {
		return nil, err
	}
	s.place = p
	w := &writer{
		store: s, conn: c, log: opt.Log, observe: opt.Observe, batch: opt.BatchSize,
		attempts: make(chan *pending, maxQueue), tasks: make(chan *task),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	if w.batch == 0 {
		w.batch = defaultBatchSize
	}
	w.sick.calls = make(chan chan error)
	if opt.Mode == Create {
		w.recover()
	}
	go w.loop()
	return w, nil
}

// stop waits for what is being committed, and answers the rest.
func (w *writer) stop() {
	close(w.quit)
	<-w.done
}

func (w *writer) loop() {
	defer close(w.done)
	items := make([]*pending, 0, w.batch)
	for {
		select {
		case <-w.quit:
			w.abandon()
			return
		case t := <-w.tasks:
			t.done <- w.runTask(t)
			w.checkpoint()
		case call := <-w.sick.calls:
			call <- w.attend()
		case <-w.sick.retry:
			w.retry()
		case p := <-w.attempts:
			// Lets the callers that are ready put theirs in too. On one core none of them would run
			// before the commit, and every batch would hold one attempt; alone, it costs nothing.
			runtime.Gosched()
			items = w.gather(append(items[:0], p))
			w.commit(items)
			w.checkpoint()
		}
	}
}

// gather adds what is waiting already to the batch.
func (w *writer) gather(items []*pending) []*pending {
	for len(items) < w.batch {
		select {
		case p := <-w.attempts:
			items = append(items, p)
		default:
			return items
		}
	}
	return items
}

// abandon answers what nobody will decide any more.
func (w *writer) abandon() {
	for {
		select {
		case p := <-w.attempts:
			if p.claimed.CompareAndSwap(false, true) {
				p.answer(ErrClosed)
			}
		default:
			return
		}
	}
}

func (p *pending) answer(err error) {
	p.err = err
	close(p.done)
}

// commit decides a batch in one transaction and answers after the commit. An attempt that fails must
// not fail its neighbours: the batch is rolled back and each is tried alone.
func (w *writer) commit(items []*pending) {
	claimed := false
	err := w.live(&items, func() error {
		items, claimed = claim(items), true
		return w.decide(items)
	})
	if !claimed {
		items = claim(items)
	}
	var one *attemptError
	if len(items) > 1 && errors.As(err, &one) {
		for _, p := range items {
			alone := []*pending{p}
			p.answer(w.live(&alone, func() error { return w.decide(alone) }))
		}
		return
	}
	for _, p := range items {
		p.answer(err)
	}
}

// claim leaves the attempts whose callers still wait. It is called with the write lock held: a caller
// that gave up while another process held the lock has put its attempt into the spool.
func claim(items []*pending) []*pending {
	live := items[:0]
	for _, p := range items {
		if p.claimed.CompareAndSwap(false, true) {
			live = append(live, p)
		}
	}
	return live
}

// attemptError is an error of deciding one attempt, as opposed to one of the transaction as a whole.
type attemptError struct{ err error }

func (e *attemptError) Error() string { return e.err.Error() }
func (e *attemptError) Unwrap() error { return e.err }

func (w *writer) decide(items []*pending) error {
	for _, p := range items {
		o, err := attribute(w.conn, p.attempt, p.rules)
		if err != nil {
			return &attemptError{err}
		}
		p.outcome = o
	}
	return nil
}

func (w *writer) runTask(t *task) error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	return w.transaction(t.ctx, func() error { return t.run(w.conn) })
}

// transaction runs f between BEGIN IMMEDIATE and COMMIT and returns nil when its rows are durable
// in the file that path names.
func (w *writer) transaction(ctx context.Context, f func() error) error {
	if err := w.ready(); err != nil {
		return err
	}
	var took time.Duration
	err := w.begin(ctx)
	if err == nil {
		if err = f(); err == nil {
			began := time.Now()
			_, err = w.conn.exec("COMMIT")
			took = time.Since(began)
		}
		if err != nil {
			w.rollback()
		}
	}
	if err == nil {
		err = w.store.wholeInPlace()
	}
	if err == nil && took >= slowCommit {
		w.store.health.suspect(errSlowCommit)
		return nil
	}
	w.judge(err)
	return err
}

// maxLockWait is how long the writer waits for a lock that another process holds. Live attempts have
// given up and gone to the spool long before; this bounds the wait of commands.
const maxLockWait = 30 * time.Second

// begin takes the write lock. It polls every millisecond, so that a process that pauses for
// bulkPause between its batches lets others in.
func (w *writer) begin(ctx context.Context) error {
	const poll = time.Millisecond
	deadline := time.Now().Add(maxLockWait)
	for {
		_, err := w.conn.exec("BEGIN IMMEDIATE")
		if !isBusy(err) {
			return err
		}
		w.store.health.note(ErrLocked) // from the first refusal on: readiness must not wait for the last
		if time.Now().After(deadline) {
			return fmt.Errorf("%w for more than %s: try again when it is done", ErrLocked, maxLockWait)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrLocked, ctx.Err())
		case <-w.quit:
			return ErrClosed
		case <-time.After(poll):
		}
	}
}

// rollback ends a failed transaction. SQLite has ended it already after some errors.
func (w *writer) rollback() {
	if _, err := w.conn.exec("ROLLBACK"); err != nil {
		w.log.Debug("the transaction was rolled back already", "cause", err)
	}
}

// write runs f in a transaction of its own and returns when it is durable.
func (s *Store) write(ctx context.Context, f func(*conn) error) error {
	if s.writer == nil {
		return errors.New("the database was opened to read only")
	}
	t := &task{ctx: ctx, run: f, done: make(chan error, 1)}
	select {
	case s.writer.tasks <- t:
	case <-s.writer.done:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	return <-t.done
}

// bulkPause is how long a bulk writer leaves the lock alone after each transaction: longer than
// begin's poll, so that a server beside it gets its turn after every batch.
const bulkPause = 3 * time.Millisecond

// writeBulk is write for one batch of many.
func (s *Store) writeBulk(ctx context.Context, f func(*conn) error) error {
	if err := s.write(ctx, f); err != nil {
		return err
	}
	select {
	case <-time.After(bulkPause):
	case <-s.writer.done:
	}
	return nil
}
