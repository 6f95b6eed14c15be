package engine

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"time"
)

// call is a function on its way to a connection.
type call struct {
	ctx     context.Context
	run     func(*Conn) error
	claimed atomic.Bool // by the goroutine that runs it, or by the caller that gave up
	taken   bool        // by the goroutine that runs it, which alone uses this
	err     error
	done    chan struct{}
}

func newCall(ctx context.Context, run func(*Conn) error) *call {
	return &call{ctx: ctx, run: run, done: make(chan struct{})}
}

// claim reports whether the call is now the claimer's. Only the first one gets it.
func (c *call) claim() bool { return c.claimed.CompareAndSwap(false, true) }

// take claims the call for the goroutine that runs it, which may take it again.
func (c *call) take() bool {
	c.taken = c.taken || c.claim()
	return c.taken
}

func (c *call) answer(err error) {
	c.err = err
	close(c.done)
}

// submit queues the call. stopped is closed once the queue is not read any more.
func (c *call) submit(queue chan<- *call, stopped <-chan struct{}) error {
	select {
	case queue <- c:
		return nil
	case <-stopped:
		return ErrClosed
	case <-c.ctx.Done():
		return fmt.Errorf("wait for the database: %w", c.ctx.Err())
	}
}

// wait returns the function's result. A caller whose context ends gives up: the function does not run any more, unless
// it was claimed already.
func (c *call) wait(stopped <-chan struct{}) error {
	select {
	case <-c.done:
		return c.err
	case <-stopped:
		if c.claim() {
			return ErrClosed
		}
	case <-c.ctx.Done():
	}
	select {
	case <-c.done:
		return c.err
	case <-c.ctx.Done():
		c.claim()
		return fmt.Errorf("no answer in time: %w", c.ctx.Err())
	}
}

// gather adds what is queued to the batch, up to its capacity. It lets callers that are ready queue theirs first: on
// one core none of them would run before the batch does.
func gather(queue <-chan *call, batch []*call) []*call {
	runtime.Gosched()
	for len(batch) < cap(batch) {
		select {
		case c := <-queue:
			batch = append(batch, c)
		default:
			return batch
		}
	}
	return batch
}

// take leaves the calls whose callers still wait.
func take(batch []*call) []*call {
	return slices.DeleteFunc(batch, func(c *call) bool { return !c.take() })
}

// Write runs f in a transaction that it may share, and returns once its changes are durable.
//
// f may run twice: if a function of the transaction fails, all are rolled back and each runs alone. So f sets its
// results again each time, and they are void if Write fails.
//
// If ctx ends first, Write returns. f then no longer runs, unless it is being committed right now. The error is
// ErrQueueFull if too many functions wait.
func (db *DB) Write(ctx context.Context, f func(*Conn) error) error {
	if db.writer == nil {
		return ErrReadOnly
	}
	c := newCall(ctx, f)
	select {
	case db.writes <- c:
		return c.wait(db.writer.done)
	default:
		return ErrQueueFull
	}
}

// WriteAlone runs f once, in its own transaction, and returns once it is durable or rolled back. ctx bounds the wait
// for the write lock.
func (db *DB) WriteAlone(ctx context.Context, f func(*Conn) error) error {
	if db.writer == nil {
		return ErrReadOnly
	}
	c := newCall(ctx, f)
	if err := c.submit(db.alone, db.writer.done); err != nil {
		return err
	}
	<-c.done
	return c.err
}

// bulkPause is longer than lockPoll: a server on the same database gets its turn after every batch.
const bulkPause = 3 * time.Millisecond

// WriteBulk is WriteAlone for one batch of many. It leaves the lock alone for bulkPause afterwards.
func (db *DB) WriteBulk(ctx context.Context, f func(*Conn) error) error {
	err := db.WriteAlone(ctx, f)
	if err == nil {
		<-time.After(bulkPause)
	}
	return err
}
