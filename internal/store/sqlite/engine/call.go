package engine

import (
	"context"
	"fmt"
	"sync/atomic"
)

// call is a function on its way to a connection that it shares with others.
type call struct {
	run     func(*Conn) error
	claimed atomic.Bool // by the goroutine that runs it, or by the caller that gave up
	err     error
	done    chan struct{}
}

func newCall(run func(*Conn) error) *call { return &call{run: run, done: make(chan struct{})} }

// claim reports whether the call is now the claimer's. Only the first one gets it.
func (c *call) claim() bool { return c.claimed.CompareAndSwap(false, true) }

func (c *call) answer(err error) {
	c.err = err
	close(c.done)
}

// wait returns the function's result. If ctx ends first, the caller gives up: the function does not run
// any more, unless it was claimed already. stopped is closed once nobody claims any more.
func (c *call) wait(ctx context.Context, stopped <-chan struct{}) error {
	select {
	case <-c.done:
		return c.err
	case <-stopped:
		if c.claim() {
			return ErrClosed
		}
	case <-ctx.Done():
	}
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		c.claim()
		return fmt.Errorf("no answer in time: %w", ctx.Err())
	}
}

// gather adds what is queued already, up to max calls in all.
func gather(queue <-chan *call, batch []*call, limit int) []*call {
	for len(batch) < limit {
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
