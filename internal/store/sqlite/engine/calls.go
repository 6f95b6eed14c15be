package engine

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
)

// call is a function on its way to a connection that it may share with others.
type call struct {
	ctx     context.Context
	run     func(*Conn) error
	claimed atomic.Bool // by the goroutine that runs it, or by the caller that gave up
	err     error
	done    chan struct{}
}

func newCall(ctx context.Context, run func(*Conn) error) *call {
	return &call{ctx: ctx, run: run, done: make(chan struct{})}
}

// claim reports whether the call is now the claimer's. Only the first one gets it.
func (c *call) claim() bool { return c.claimed.CompareAndSwap(false, true) }

func (c *call) answer(err error) {
	c.err = err
	close(c.done)
}

// wait returns the function's result. If the context ends first, the caller gives up: the function does not
// run any more, unless it was claimed already. stopped is closed once nobody claims any more.
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

// gather returns first with what is queued already, up to limit calls in all. It lets callers that are ready
// queue theirs too: on one core none of them would run before the batch does.
func gather(queue <-chan *call, first *call, batch []*call) []*call {
	runtime.Gosched()
	if batch = batch[:0]; first != nil {
		batch = append(batch, first)
	}
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

// claim leaves the calls whose callers still wait.
func claim(batch []*call) []*call {
	live := batch[:0]
	for _, c := range batch {
		if c.claim() {
			live = append(live, c)
		}
	}
	return live
}
