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
	claimed atomic.Bool // by its goroutine, or by the caller that gave up
	taken   bool        // only for the goroutine that runs it
	err     error
	done    chan struct{}
}

func newCall(ctx context.Context, run func(*Conn) error) *call {
	return &call{ctx: ctx, run: run, done: make(chan struct{})}
}

// claim succeeds only once.
func (c *call) claim() bool { return c.claimed.CompareAndSwap(false, true) }

// take may succeed again for the goroutine that runs the call.
func (c *call) take() bool {
	c.taken = c.taken || c.claim()
	return c.taken
}

func (c *call) answer(err error) {
	c.err = err
	close(c.done)
}

// submit returns ErrClosed once stopped is closed.
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

// wait gives up if the context ends. The function then no longer runs, unless it was claimed already.
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

// gather fills the batch from the queue. It yields first: on one core no other caller would run before the batch does.
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

// Write runs f in a shared transaction and returns once it is durable. The error is ErrQueueFull if too many wait.
//
// f may run twice: if one function fails, all are rolled back and each runs alone. Its results are void if Write fails.
// If ctx ends first, f no longer runs, unless it is being committed right now.
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

// WriteAlone runs f once, in its own transaction, to its end. ctx bounds the wait for the write lock.
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

// bulkPause is longer than lockPoll: a server gets its turn after every batch.
const bulkPause = 3 * time.Millisecond

// WriteBulk is WriteAlone for one batch of many. It pauses for bulkPause afterwards.
func (db *DB) WriteBulk(ctx context.Context, f func(*Conn) error) error {
	err := db.WriteAlone(ctx, f)
	if err == nil {
		<-time.After(bulkPause)
	}
	return err
}
